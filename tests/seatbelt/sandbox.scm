;; SPDX-License-Identifier: Apache-2.0
;; A model of Seatbelt: reads a profile as sandbox-exec would, and says what it allows. It is made
;; from what is publicly known of the language, and proves what a text says, not what a Mac does.
(define-module (sandbox)
  #:use-module (ice-9 sandbox)
  #:use-module (srfi srfi-1)
  #:use-module (operations)
  #:use-module (expression)
  #:export (profile-read profile-load wrong-answer precedences systems))

(define longest-string 1023)

(define (bad . words) (throw 'profile (string-join words "")))

(define (check-string text)
  (cond ((not (string? text)) (bad "a string is expected"))
        ((> (string-length text) longest-string) (bad "a string is too long"))
        (else text)))

;; Filters are procedures of a question's attributes.

(define (attribute name attributes)
  (let ((found (assq name attributes))) (and found (cadr found))))

(define (path-filter match)
  (lambda (path)
    (check-string path)
    (lambda (attributes)
      (let ((asked (attribute 'path attributes)))
        (and asked (match path asked))))))

(define literal (path-filter string=?))

(define subpath
  (path-filter
   (lambda (path asked)
     (or (string=? path asked)
         (string=? path "/")
         (string-prefix? (string-append path "/") asked)))))

(define (regex source)
  (let ((node (expression-compile (check-string source))))
    (lambda (attributes)
      (let ((asked (attribute 'path attributes)))
        (and asked (expression-search node asked))))))

(define (named name match)
  (lambda (wanted)
    (check-string wanted)
    (lambda (attributes)
      (let ((asked (attribute name attributes)))
        (and asked (match wanted asked))))))

;; No other host can be named: the whole profile is refused.
(define (check-address address)
  (let ((colon (string-rindex (check-string address) #\:)))
    (if (not (and colon (member (substring address 0 colon) '("*" "localhost"))))
        (bad "host must be * or localhost in " address))
    (cons (substring address 0 colon) (substring address (+ colon 1)))))

(define (remote kind address)
  (let ((wanted (check-address address)))
    (lambda (attributes)
      (let ((host (attribute 'host attributes)) (port (attribute 'port attributes)))
        (and host
             (or (string=? (car wanted) "*") (member host '("127.0.0.1" "::1")))
             (or (string=? (cdr wanted) "*") (string=? (cdr wanted) port)))))))

;; About one's own end, which is not known before there is a connection: of outbound ones it takes
;; all.
(define (local kind address)
  (check-address address)
  (lambda (attributes) (attribute 'host attributes)))

(define (target which)
  (lambda (attributes) (eq? which (attribute 'target attributes))))

(define (require-any . filters)
  (lambda (attributes) (any (lambda (filter) (filter attributes)) filters)))

(define (require-all . filters)
  (lambda (attributes) (every (lambda (filter) (filter attributes)) filters)))

(define (require-not filter)
  (lambda (attributes) (not (filter attributes))))

(define filters
  `((literal . ,literal) (subpath . ,subpath) (regex . ,regex)
    (sysctl-name . ,(named 'name string=?))
    (sysctl-name-prefix . ,(named 'name string-prefix?))
    (global-name . ,(named 'name string=?))
    (remote . ,remote) (local . ,local) (target . ,target)
    (require-any . ,require-any) (require-all . ,require-all) (require-not . ,require-not)
    (self . self) (children . children) (others . others) (ip . ip)))

;; The forms of a text.
(define (profile-read text)
  (catch 'read-error
    (lambda ()
      (call-with-input-string text
        (lambda (port)
          (let loop ((forms '()))
            (let ((form (read port)))
              (if (eof-object? form) (reverse forms) (loop (cons form forms))))))))
    (lambda (key . rest) (bad "it cannot be read"))))

;; From forms to rules: (action operation filter), in their order. known: the operations of the
;; modelled system. Throws 'profile for what sandbox-exec ends with status 65 for.
(define (profile-load forms params known)
  (define rules '())
  (define version-seen #f)
  (define (add action)
    (lambda arguments
      (let ((asked (take-while symbol? arguments)))
        (if (null? asked) (bad "a rule without an operation"))
        (let ((conditions (drop arguments (length asked))))
          (if (not (every procedure? conditions)) (bad "a rule with something else than filters"))
          (for-each
           (lambda (operation)
             (if (not (memq operation known)) (bad "unknown operation"))
             (set! rules (cons (list action operation
                                     (if (null? conditions)
                                         (lambda (attributes) #t)
                                         (apply require-any conditions)))
                               rules)))
           asked)))))
  (define (param name)
    (let ((found (assoc name params)))
      (if found (check-string (cdr found)) (bad "there is no parameter " name))))
  (define (version number)
    (if (eqv? number 1) (set! version-seen #t) (bad "unknown version")))
  (define module
    (make-sandbox-module '(((guile) define if begin let quote not and or))))
  (define (bind name value) (module-define! module name value))
  (for-each (lambda (pair) (bind (car pair) (cdr pair))) filters)
  (for-each (lambda (operation) (bind operation operation)) known)
  (bind 'allow (add 'allow))
  (bind 'deny (add 'deny))
  (bind 'param param)
  (bind 'version version)
  (bind 'defined? (lambda (name) (->bool (module-variable module name))))
  (catch #t
    (lambda () (for-each (lambda (form) (eval form module)) forms))
    (lambda (key . rest)
      (if (eq? key 'profile) (apply throw key rest) (bad (symbol->string key)))))
  (if (not version-seen) (bad "there is no version"))
  (reverse rules))

;; The operation and those above it, but for default.
(define line
  (let ((known (make-hash-table)))
    (lambda (operation)
      (or (hashq-ref known operation)
          (let loop ((at operation) (all '()))
            (if (memq at '(#f default))
                (hashq-set! known operation (reverse all))
                (loop (operation-parent at) (cons at all))))))))

;; The rules that apply, in their order.
(define (matching rules operation attributes)
  (let ((line (line operation)))
    (filter (lambda (rule) (and (memq (cadr rule) line) ((caddr rule) attributes))) rules)))

(define (default-of rules)
  (let ((defaults (filter (lambda (rule) (eq? (cadr rule) 'default)) rules)))
    (if (null? defaults) 'allow (car (last defaults)))))

;; Precedences: of the rules that apply, the action of the one that decides, or #f.

(define (first-match found operation)
  (and (pair? found) (car (first found))))

(define (last-match found operation)
  (and (pair? found) (car (last found))))

;; Rules on the operation itself come before those on one above it, wherever they stand.
(define (exact-match found operation)
  (any (lambda (level)
         (let ((those (filter (lambda (rule) (eq? (cadr rule) level)) found)))
           (and (pair? those) (car (last those)))))
       (line operation)))

(define precedences `((first . ,first-match) (last . ,last-match) (exact . ,exact-match)))

;; Systems: on one the default does not cover what some leave open.
(define systems '((open . #t) (closed . #f)))

(define (contradictory? found)
  (and (pair? found)
       (any (lambda (rule) (not (eq? (car rule) (caar found)))) found)))

;; #f where every precedence on every system gives the expected answer and no two rules that apply
;; contradict each other; else what is wrong.
(define (wrong-answer rules operation attributes expected)
  (let ((found (matching rules operation attributes)))
    (define (answer precedence open)
      (or (precedence found operation)
          (if (and open (memq operation open-operations)) 'allow (default-of rules))))
    (if (contradictory? found)
        'contradiction
        (any (lambda (system)
               (any (lambda (precedence)
                      (let ((given (answer (cdr precedence) (cdr system))))
                        (and (not (eq? given expected))
                             (list (car system) (car precedence) given))))
                    precedences))
             systems))))
