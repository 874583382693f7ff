;; SPDX-License-Identifier: Apache-2.0
;; Names that a profile of macOS 13 may use, as far as they matter here. A name that is not in these
;; lists is refused, as the real tool refuses it.
(define-module (operations)
  #:export (operations open-operations operation-parent))

(define operations
  '(default
    darwin-notification-post distributed-notification-post dynamic-code-generation
    file* file-chroot file-clone file-ioctl file-issue-extension file-link file-map-executable
    file-mknod file-mount file-read* file-read-data file-read-metadata file-read-xattr file-revoke
    file-search file-test-existence file-unmount
    file-write* file-write-acl file-write-create file-write-data file-write-flags file-write-mode
    file-write-owner file-write-setugid file-write-times file-write-unlink file-write-xattr
    iokit* iokit-get-properties iokit-open* iokit-open-user-client iokit-set-properties
    ipc* ipc-posix* ipc-posix-sem* ipc-posix-sem-create ipc-posix-sem-open ipc-posix-shm*
    ipc-posix-shm-read-data ipc-posix-shm-write-data ipc-sysv*
    job-creation lsopen
    mach* mach-host* mach-lookup mach-per-user-lookup mach-priv* mach-priv-task-port mach-register
    mach-task-name
    network* network-bind network-inbound network-outbound
    nvram* nvram-get nvram-set nvram-delete
    process* process-codesigning* process-exec* process-exec process-exec-interpreter process-fork
    process-info* process-info-listpids process-info-pidinfo process-info-rusage
    process-info-setcontrol
    pseudo-tty signal sysctl* sysctl-read sysctl-write
    system* system-audit system-fsctl system-privilege system-socket
    user-preference* user-preference-read user-preference-write))

;; What (deny default) does not cover on a system that leaves them open.
(define open-operations
  '(dynamic-code-generation file-clone file-link file-map-executable file-test-existence
    iokit-get-properties nvram* nvram-get nvram-set nvram-delete
    process-info* process-info-listpids process-info-pidinfo process-info-rusage
    process-info-setcontrol))

(define (wildcard? name)
  (char=? (string-ref name (- (string-length name) 1)) #\*))

;; Whether the wildcard is an operation above the other one.
(define (above? wildcard name)
  (let ((stem (substring wildcard 0 (- (string-length wildcard) 1))))
    (and (not (string=? wildcard name))
         (string-prefix? stem name)
         (let ((rest (substring name (string-length stem))))
           (or (string-null? rest) (char=? (string-ref rest 0) #\-))))))

;; The next operation above, as a symbol; #f above default.
(define (operation-parent operation)
  (let ((name (symbol->string operation)))
    (let loop ((all operations) (best #f))
      (cond
       ((null? all)
        (cond (best (string->symbol best))
              ((eq? operation 'default) #f)
              (else 'default)))
       (else
        (let ((other (symbol->string (car all))))
          (loop (cdr all)
                (if (and (wildcard? other)
                         (above? other name)
                         (or (not best) (> (string-length other) (string-length best))))
                    other
                    best))))))))
