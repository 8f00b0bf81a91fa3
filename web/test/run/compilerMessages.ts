/** Messages of compilers and interpreters, with the diagnostic that the page must find in each. */

interface CompilerMessage {
  file: string
  output: string
  /** Null if the output does not contain it. */
  line: number | null
  column?: number
  message: string
}

/**
 * By language id.
 *
 * Most were written by the compilers of Debian 12 for programs like those of `languages/*.toml`. Those of Bun, Deno and
 * Zig were written by the versions in their files, and that of Objective-C by Clang without GNUstep.
 *
 * Those of Bash, C, C#, C++, Clojure, Erlang, Guile, Haskell, Kotlin, Octave, Pascal, PHP, Prolog, Python, SBCL, Scala,
 * Swift and TypeScript were written by hand, in the form that the compilers use. No compiler wrote them.
 */
export const COMPILER_MESSAGES: Record<string, CompilerMessage> = {
  ada: {
    file: 'main.adb',
    output: `main.adb:2:23: error: expected type "Standard.Integer"
main.adb:2:23: error: found a string type
gnatmake: "main.adb" compilation error`,
    line: 2,
    column: 23,
    message: 'expected type "Standard.Integer"',
  },
  bash: {
    file: 'main.sh',
    output: 'main.sh: line 2: nothing_of_this_name: unbound variable',
    line: 2,
    message: 'nothing_of_this_name: unbound variable',
  },
  bun: {
    file: 'main.ts',
    output: `1 | const greeting: string = "a";
2 | throw new Error("on purpose");
              ^
error: on purpose
      at /work/main.ts:2:11

Bun v1.4.5 (Linux x64)`,
    line: 2,
    column: 11,
    message: 'on purpose',
  },
  c: {
    file: 'main.c',
    output: `main.c: In function 'main':
main.c:2:12: error: 'nothing_of_this_name' undeclared (first use in this function)
    2 |     return nothing_of_this_name;
      |            ^~~~~~~~~~~~~~~~~~~~`,
    line: 2,
    column: 12,
    message: "'nothing_of_this_name' undeclared (first use in this function)",
  },
  clang: {
    file: 'main.c',
    output: `main.c:2:12: error: use of undeclared identifier 'nothing_of_this_name'
    return nothing_of_this_name;
           ^
1 error generated.`,
    line: 2,
    column: 12,
    message: "use of undeclared identifier 'nothing_of_this_name'",
  },
  clangpp: {
    file: 'main.cpp',
    output: `main.cpp:2:5: error: use of undeclared identifier 'std'
    std::string without_its_header;
    ^
1 error generated.`,
    line: 2,
    column: 5,
    message: "use of undeclared identifier 'std'",
  },
  clojure: {
    file: 'main.clj',
    output: `Syntax error compiling at (main.clj:3:1).
Unable to resolve symbol: x in this context`,
    line: 3,
    message: 'Unable to resolve symbol: x in this context',
  },
  cobol: {
    file: 'main.cob',
    output: "main.cob:4: error: 'nothing-of-this-name' is not defined",
    line: 4,
    message: "'nothing-of-this-name' is not defined",
  },
  commonlisp: {
    file: 'main.lisp',
    output: `; file: /work/main.lisp
Unhandled SB-C::INPUT-ERROR-IN-LOAD in thread #<SB-THREAD:THREAD "main thread" RUNNING>:
  READ error during LOAD:
    end of file on #<SB-SYS:FD-STREAM for "file /work/main.lisp" {1001336EF3}>
    (in form starting at line: 2, column: 0, position: 17)`,
    line: 2,
    column: 1,
    message: 'READ error during LOAD:',
  },
  cpp: {
    file: 'main.cpp',
    output: `main.cpp:2:10: error: 'string' is not a member of 'std'`,
    line: 2,
    column: 10,
    message: "'string' is not a member of 'std'",
  },
  crystal: {
    file: 'main.cr',
    output: `Showing last frame. Use --error-trace for full trace.

In main.cr:1:1

 1 | count : Int32 = "three"
     ^----
Error: type must be Int32, not String`,
    line: 1,
    column: 1,
    message: 'type must be Int32, not String',
  },
  csharp: {
    file: 'Main.cs',
    output: `Main.cs(5,21): error CS0029: Cannot implicitly convert type 'string' to 'int'
Compilation failed: 1 error(s), 0 warnings`,
    line: 5,
    column: 21,
    message: "Cannot implicitly convert type 'string' to 'int'",
  },
  d: {
    file: 'main.d',
    output: `main.d:3:17: error: cannot implicitly convert expression '"three"' of type 'string' to 'int'
    3 |     int count = "three";
      |                 ^`,
    line: 3,
    column: 17,
    message: "cannot implicitly convert expression '\"three\"' of type 'string' to 'int'",
  },
  deno: {
    file: 'main.ts',
    output: `error: Uncaught (in promise) Error: on purpose
throw new Error("on purpose");
      ^
    at file:///work/main.ts:2:7`,
    line: 2,
    column: 7,
    message: 'on purpose',
  },
  elixir: {
    file: 'main.exs',
    output: `** (RuntimeError) on purpose
    main.exs:1: (file)
    (elixir 1.14.0) lib/code.ex:1245: Code.require_file/2`,
    line: 1,
    message: 'on purpose',
  },
  erlang: {
    file: 'main.erl',
    output: `main.erl:5:5: syntax error before: 'end'
escript: There were compilation errors.`,
    line: 5,
    column: 5,
    message: "syntax error before: 'end'",
  },
  fortran: {
    file: 'main.f90',
    output: `main.f90:3:9:

    3 |     count = 3
      |         1
Error: Symbol 'count' at (1) has no IMPLICIT type`,
    line: 3,
    column: 9,
    message: "Symbol 'count' at (1) has no IMPLICIT type",
  },
  go: {
    file: 'main.go',
    output: `# command-line-arguments
./main.go:4:18: cannot use "three" (untyped string constant) as int value in variable declaration`,
    line: 4,
    column: 18,
    message: 'cannot use "three" (untyped string constant) as int value in variable declaration',
  },
  haskell: {
    file: 'main.hs',
    output: `main.hs:2:17: error:
    • No instance for (Num String) arising from the literal '3'
    • In the first argument of 'putStrLn', namely '3'
  |
2 | main = putStrLn 3
  |                 ^`,
    line: 2,
    column: 17,
    message: "No instance for (Num String) arising from the literal '3'",
  },
  java: {
    file: 'Main.java',
    output: `Main.java:3: error: incompatible types: String cannot be converted to int
        int count = "three";
                    ^
1 error`,
    line: 3,
    message: 'incompatible types: String cannot be converted to int',
  },
  javascript: {
    file: 'main.js',
    output: `/work/main.js:1
throw new Error("on purpose");
^

Error: on purpose
    at Object.<anonymous> (/work/main.js:1:7)
    at Module._compile (node:internal/modules/cjs/loader:1521:14)`,
    line: 1,
    message: 'on purpose',
  },
  kotlin: {
    file: 'main.kt',
    output: `main.kt:2:22: error: type mismatch: inferred type is String but Int was expected
    val count: Int = "three"
                     ^`,
    line: 2,
    column: 22,
    message: 'type mismatch: inferred type is String but Int was expected',
  },
  lua: {
    file: 'main.lua',
    output: `lua5.4: main.lua:1: on purpose
stack traceback:
	[C]: in function 'error'
	main.lua:1: in main chunk
	[C]: in ?`,
    line: 1,
    message: 'on purpose',
  },
  nasm: {
    file: 'main.asm',
    output: 'main.asm:4: error: parser: instruction expected',
    line: 4,
    message: 'parser: instruction expected',
  },
  nim: {
    file: 'main.nim',
    output: `/work/main.nim(1, 18) Error: type mismatch: got 'string' for '"three"' but expected 'int'`,
    line: 1,
    column: 18,
    message: "type mismatch: got 'string' for '\"three\"' but expected 'int'",
  },
  objectivec: {
    file: 'main.m',
    output: `main.m:2:12: error: use of undeclared identifier 'nothing_of_this_name'
    return nothing_of_this_name;
           ^
1 error generated.`,
    line: 2,
    column: 12,
    message: "use of undeclared identifier 'nothing_of_this_name'",
  },
  ocaml: {
    file: 'main.ml',
    output: `File "main.ml", line 1, characters 18-25:
1 | let count : int = "three"
                      ^^^^^^^
Error: This expression has type string but an expression was expected of type
         int`,
    line: 1,
    column: 19,
    message: 'This expression has type string but an expression was expected of type',
  },
  octave: {
    file: 'main.m',
    output: `parse error near line 3 of file /work/main.m

  syntax error

>>> x = = 1
        ^`,
    line: 3,
    message: 'parse error',
  },
  pascal: {
    file: 'main.pas',
    output: `main.pas(3,12) Error: Incompatible types: got "Constant String" expected "LongInt"
main.pas(5) Fatal: There were 1 errors compiling module, stopping`,
    line: 3,
    column: 12,
    message: 'Incompatible types: got "Constant String" expected "LongInt"',
  },
  perl: { file: 'main.pl', output: 'on purpose at main.pl line 1.', line: 1, message: 'on purpose' },
  php: {
    file: 'main.php',
    output: `PHP Parse error:  syntax error, unexpected token ";" in /work/main.php on line 2`,
    line: 2,
    message: 'syntax error, unexpected token ";"',
  },
  prolog: {
    file: 'main.pl',
    output: 'ERROR: /work/main.pl:2:5: Syntax error: Operator expected',
    line: 2,
    column: 5,
    message: 'Syntax error: Operator expected',
  },
  pypy: {
    file: 'main.py',
    output: `  File "/work/main.py", line 1
    print(
         ^
SyntaxError: parenthesis is never closed`,
    line: 1,
    message: 'SyntaxError: parenthesis is never closed',
  },
  python: {
    file: 'main.py',
    output: `  File "/work/main.py", line 1
    print(
         ^
SyntaxError: '(' was never closed`,
    line: 1,
    message: "SyntaxError: '(' was never closed",
  },
  r: {
    file: 'main.R',
    output: `Error: unexpected symbol in "x y"
Execution halted`,
    line: null, // Rscript does not report it.
    message: '',
  },
  racket: {
    file: 'main.rkt',
    output: `main.rkt:2:11: x: unbound identifier
  in: x
  location...:
   main.rkt:2:11`,
    line: 2,
    column: 12,
    message: 'x: unbound identifier',
  },
  raku: {
    file: 'main.raku',
    output: `on purpose
  in sub f at main.raku line 2
  in block <unit> at main.raku line 4`,
    line: 2,
    message: 'on purpose',
  },
  ruby: {
    file: 'main.rb',
    output: "main.rb:1:in `<main>': on purpose (RuntimeError)",
    line: 1,
    message: 'on purpose (RuntimeError)',
  },
  rust: {
    file: 'main.rs',
    output: `error[E0308]: mismatched types
 --> main.rs:2:22
  |
2 |     let count: u32 = "three";
  |                ---   ^^^^^^^ expected \`u32\`, found \`&str\``,
    line: 2,
    column: 22,
    message: 'mismatched types',
  },
  scala: {
    file: 'main.scala',
    output: `-- [E007] Type Mismatch Error: main.scala:2:19 ---------------------------------
2 |  val count: Int = "three"
  |                   ^^^^^^^
  |                   Found:    ("three" : String)
  |                   Required: Int`,
    line: 2,
    column: 19,
    message: 'Found:    ("three" : String)',
  },
  scheme: {
    file: 'main.scm',
    output: `;;; main.scm:1:0: warning: possibly unbound variable \`x'
ERROR: In procedure scm_error: on purpose`,
    line: 1,
    message: "possibly unbound variable `x'",
  },
  sqlite: {
    file: 'main.sql',
    output: 'Parse error near line 1: no such table: nothing_of_this_name',
    line: 1,
    message: 'no such table: nothing_of_this_name',
  },
  swift: {
    file: 'main.swift',
    output: `main.swift:1:18: error: cannot convert value of type 'String' to specified type 'Int'
1 | let count: Int = "three"
  |                  \`- error: cannot convert value of type 'String' to specified type 'Int'
2 | print(count)`,
    line: 1,
    column: 18,
    message: "cannot convert value of type 'String' to specified type 'Int'",
  },
  tcl: {
    file: 'main.tcl',
    output: `on purpose
    while executing
"error "on purpose""
    (file "main.tcl" line 1)`,
    line: 1,
    message: 'on purpose',
  },
  typescript: {
    file: 'main.ts',
    output: `main.ts(1,7): error TS2322: Type 'string' is not assignable to type 'number'.`,
    line: 1,
    column: 7,
    message: "Type 'string' is not assignable to type 'number'.",
  },
  zig: {
    file: 'main.zig',
    output: `main.zig:2:24: error: expected type 'u32', found '*const [5:0]u8'
    const count: u32 = "three";
                       ^~~~~~~`,
    line: 2,
    column: 24,
    message: "expected type 'u32', found '*const [5:0]u8'",
  },
}
