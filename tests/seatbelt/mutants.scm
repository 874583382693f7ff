;; SPDX-License-Identifier: Apache-2.0
;; Every profile that differs from the given one in one place. A mutant that no question notices is a
;; question that is missing, or a part of the profile that does nothing.
(define-module (mutants)
  #:use-module (srfi srfi-1)
  #:export (mutants))

;; A list of (description . form) for one form.
(define (without-each items least)
  (if (<= (length items) least)
      '()
      (map (lambda (i) (cons (list-ref items i)
                             (append (take items i) (drop items (+ i 1)))))
           (iota (length items)))))

(define (inside-each items mutate)
  (append-map
   (lambda (i)
     (map (lambda (changed)
            (cons (car changed)
                  (append (take items i) (list (cdr changed)) (drop items (+ i 1)))))
          (mutate (list-ref items i))))
   (iota (length items))))

(define (rebuild head changes word)
  (map (lambda (change) (cons (list word (car change)) (append head (cdr change)))) changes))

(define (mutate-filter form)
  (if (not (pair? form))
      '()
      (case (car form)
        ((require-any require-all)
         (append (rebuild (list (car form)) (without-each (cdr form) 1) 'without)
                 (map (lambda (change) (cons (car change) (cons (car form) (cdr change))))
                      (inside-each (cdr form) mutate-filter))))
        ((require-not)
         (cons (cons (list 'not-not form) (cadr form))
               (map (lambda (change) (cons (car change) (list 'require-not (cdr change))))
                    (mutate-filter (cadr form)))))
        ((literal) (list (cons (list 'wider form) (cons 'subpath (cdr form)))))
        ((subpath) (list (cons (list 'narrower form) (cons 'literal (cdr form)))))
        (else '()))))

(define (mutate-rule form)
  (let* ((action (car form))
         (operations (take-while symbol-operation? (cdr form)))
         (filters (drop (cdr form) (length operations)))
         (other (if (eq? action 'allow) 'deny 'allow)))
    (append
     (list (cons (list 'dropped form) '(begin))
           (cons (list 'flipped form) (cons other (cdr form))))
     (map (lambda (change) (cons (list 'without (car change) 'in form)
                                 (cons action (append (cdr change) filters))))
          (without-each operations 1))
     (map (lambda (change) (cons (list 'without (car change) 'in form)
                                 (cons action (append operations (cdr change)))))
          (without-each filters 0))
     (map (lambda (change) (cons (car change) (cons action (append operations (cdr change)))))
          (inside-each filters mutate-filter)))))

;; A filter may be a name that was defined: those of ours are these.
(define (symbol-operation? item)
  (and (symbol? item) (not (memq item '(readable runnable loadable known)))))

(define (mutate-form form)
  (case (car form)
    ((allow deny) (mutate-rule form))
    ((define)
     (map (lambda (change) (cons (car change) (list 'define (cadr form) (cdr change))))
          (mutate-filter (caddr form))))
    ((if)
     (map (lambda (change) (cons (car change) (list 'if (cadr form) (cdr change))))
          (mutate-form (caddr form))))
    ((begin)
     (map (lambda (change) (cons (car change) (cons 'begin (cdr change))))
          (inside-each (cdr form) mutate-form)))
    (else '())))

;; A list of (description . forms).
(define (mutants forms)
  (inside-each forms mutate-form))
