;; SPDX-License-Identifier: Apache-2.0
;; Asks a profile questions, and its mutants, too. Reads one request from the standard input:
;;   (text TEXT) (params (NAME . VALUE) ...) (questions (OPERATION (ATTRIBUTE VALUE) ... VERDICT) ...)
;;   (mutate BOOLEAN)
;; Prints a line a wrong answer, "mutant: ..." for each mutant that no question notices, and last
;; "asked Q answers A mutants M". Exits with 65 for a profile that cannot be loaded.
(use-modules (srfi srfi-1) (ice-9 format) (operations) (sandbox) (mutants))

(set-port-encoding! (current-input-port) "ISO-8859-1")
(set-port-encoding! (current-output-port) "ISO-8859-1")

(define request
  (let loop ((parts '()))
    (let ((part (read)))
      (if (eof-object? part) parts (loop (cons part parts))))))

(define (part name) (cdr (assq name request)))

(define (question-operation question) (first question))
(define (question-verdict question) (last question))
(define (question-attributes question) (drop-right (cdr question) 1))

(define (wrong question rules)
  (wrong-answer rules (question-operation question) (question-attributes question)
                (question-verdict question)))

(define params (part 'params))
(define questions (part 'questions))

;; What a part of a profile is about: its operations, strings, and values of its parameters.
(define (topics item)
  (cond ((symbol? item) (list item))
        ((string? item) (list (or (assoc-ref params item) item)))
        ((pair? item) (append (topics (car item)) (topics (cdr item))))
        (else '())))

(define (about? question topics)
  (or (memq (question-operation question) topics)
      (any (lambda (attribute)
             (and (string? (cadr attribute))
                  (any (lambda (topic)
                         (and (string? topic) (string-prefix? topic (cadr attribute))))
                       topics)))
           (question-attributes question))))

;; The questions about what was changed come first: most mutants end with one of them.
(define (killed? mutant)
  (let ((rules (catch 'profile
                 (lambda () (profile-load (cdr mutant) params operations))
                 (lambda (key . rest) #f)))
        (topics (topics (cadr (car mutant)))))
    (or (not rules)
        (call-with-values (lambda () (partition (lambda (q) (about? q topics)) questions))
          (lambda (near far)
            (any (lambda (question) (wrong question rules)) (append near far)))))))

(define (main)
  (define forms (profile-read (car (part 'text))))
  (define rules (profile-load forms params operations))
  (define all-mutants (if (car (part 'mutate)) (mutants forms) '()))
  ;; A system that lacks the newer operations takes the text, too.
  (profile-load forms params
                (remove (lambda (operation) (memq operation open-operations)) operations))
  (for-each
   (lambda (question)
     (let ((answer (wrong question rules)))
       (if answer (format #t "wrong: ~s ~s\n" question answer))))
   questions)
  (for-each
   (lambda (mutant)
     (if (not (killed? mutant)) (format #t "mutant: ~s\n" (car mutant))))
   all-mutants)
  (format #t "asked ~a answers ~a mutants ~a\n" (length questions)
          (* (length questions) (length systems) (length precedences)) (length all-mutants)))

(catch 'profile
  main
  (lambda (key . words)
    (format (current-error-port) "sandbox-exec: ~a\n" (string-concatenate words))
    (exit 65)))
