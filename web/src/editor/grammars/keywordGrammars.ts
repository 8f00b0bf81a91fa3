/** Grammars of languages that Monaco or CodeMirror does not have: keywords, comments, strings and numbers. */

export interface KeywordGrammar {
  keywords: string[]
  /** The source of a regular expression that matches a comment up to the end of its line. */
  lineComment: string
  /** The marks around a comment of several lines. */
  blockComment?: [string, string]
  /** Whether `'` also starts a string. By default, it encloses a single character. */
  hasSingleQuotes?: boolean
  isCaseInsensitive?: boolean
  /** The source of a regular expression with the flag `u` that matches a name. */
  name?: string
}

export const DEFAULT_NAME = "[\\p{L}_][\\w']*"

const words = (text: string) => text.trim().split(/\s+/)

/** By the id that `syntaxId` returns. */
export const KEYWORD_GRAMMARS: Record<string, KeywordGrammar> = {
  ada: {
    keywords:
      words(`abort abs abstract accept access aliased all and array at begin body case constant declare delay
      delta digits do else elsif end entry exception exit for function generic goto if in interface is limited loop mod
      new not null of or others out overriding package pragma private procedure protected raise range record rem renames
      requeue return reverse select separate some subtype synchronized tagged task terminate then type until use when
      while with xor`),
    lineComment: '--.*$',
    isCaseInsensitive: true,
  },
  cobol: {
    keywords:
      words(`accept add address advancing after all allocate also alternate and any are assign at based before binary
      blank by call cancel class close comp comp-3 comp-5 computational compute configuration content continue converting
      copy corresponding count data declaratives delete delimited delimiter depending descending ascending display divide
      division down dynamic else end end-accept end-add end-call end-compute end-delete end-display end-divide
      end-evaluate end-if end-multiply end-perform end-read end-return end-rewrite end-search end-start end-string
      end-subtract end-unstring end-write environment equal error evaluate exit extend external false fd file
      file-control filler first for free from function global go goback greater high-value high-values i-o
      identification if in indexed initial initialize input input-output inspect into invalid is just justified key
      label leading left less linage line linkage local-storage low-value low-values merge mode move multiply next no
      not null numeric object occurs of off on open optional or order organization other output overflow packed-decimal
      perform pic picture pointer procedure program program-id quote quotes random read record recursive redefines
      relative release remainder renames repeated replacing return returning reverse rewrite right rounded run search
      section select sentence separate sequence sequential set sign size sort space spaces special-names standard start
      status stop string subtract sync synchronized tallying than then through thru times to trailing true unsigned
      unstring until up upon usage using value values varying when with working-storage write zero zeroes zeros`),
    lineComment: '\\*>.*$',
    hasSingleQuotes: true,
    isCaseInsensitive: true,
    name: '\\p{L}[\\w-]*',
  },
  d: {
    keywords:
      words(`abstract alias align asm assert auto body bool break byte case cast catch char class const continue
      dchar debug default delegate deprecated do double else enum export extern false final finally float for foreach
      foreach_reverse function goto if immutable import in inout int interface invariant is lazy long macro mixin module
      new nothrow null out override package pragma private protected public pure real ref return scope shared short
      static string struct super switch synchronized template this throw true try typeid typeof ubyte uint ulong union
      unittest ushort version void wchar while with`),
    lineComment: '//.*$',
    blockComment: ['/*', '*/'],
  },
  elixir: {
    keywords:
      words(`after and case catch cond def defdelegate defexception defimpl defmacro defmodule defp defprotocol
      defstruct do else end false fn for if import in nil not or quote raise receive require rescue true try unless
      unquote use when with`),
    lineComment: '#.*$',
  },
  erlang: {
    keywords:
      words(`after and andalso band begin bnot bor bsl bsr bxor case catch cond div else end fun if let maybe not
      of or orelse receive rem try when xor`),
    lineComment: '%.*$',
    hasSingleQuotes: true,
  },
  fortran: {
    keywords:
      words(`allocatable allocate associate block call case character class close complex contains continue cycle
      data deallocate default dimension do double elemental else elseif elsewhere end enddo endif entry error exit
      external format forall function goto if implicit in inout inquire integer intent interface intrinsic kind len
      logical module namelist none nullify only open operator optional out parameter pointer precision print private
      procedure program public pure read real recursive result return save select sequence stop subroutine target then
      type use where while write`),
    lineComment: '!.*$',
    hasSingleQuotes: true,
    isCaseInsensitive: true,
  },
  haskell: {
    keywords:
      words(`case class data default deriving do else family forall foreign if import in infix infixl infixr
      instance let mdo module newtype of proc qualified rec then type where`),
    lineComment: '--.*$',
    blockComment: ['{-', '-}'],
  },
  nasm: {
    keywords:
      words(`adc add and bits bsf bsr call cmp cmova cmovae cmovb cmovbe cmove cmovne cqo db dd dec default div dq
      dw equ extern global idiv imul inc ja jae jb jbe je jg jge jl jle jmp jne jnz js jz lea leave loop mov movsx movzx
      mul neg nop not or pop push rel resb resd resq resw ret rol ror sar section segment shl shr sub syscall test times
      xchg xor`),
    lineComment: ';.*$',
    hasSingleQuotes: true,
    isCaseInsensitive: true,
  },
  nim: {
    keywords:
      words(`addr and as asm bind block break case cast concept const continue converter defer discard distinct
      div do elif else end enum except export finally for from func if import in include interface is isnot iterator let
      macro method mixin mod nil not notin object of or out proc ptr raise ref return shl shr static template try tuple
      type using var when while xor yield`),
    lineComment: '#.*$',
    blockComment: ['#[', ']#'],
  },
  ocaml: {
    keywords:
      words(`and as assert begin class constraint do done downto else end exception external false for fun function
      functor if in include inherit initializer lazy let match method module mutable new nonrec object of open or private
      rec sig struct then to true try type val virtual when while with`),
    lineComment: '(?!)',
    blockComment: ['(*', '*)'],
  },
  octave: {
    keywords:
      words(`break case catch classdef continue do else elseif end end_try_catch end_unwind_protect endfor
      endfunction endif endswitch endwhile enumeration events for function global if methods otherwise parfor persistent
      properties return switch try until unwind_protect unwind_protect_cleanup while`),
    lineComment: '[%#].*$',
    hasSingleQuotes: true,
  },
  php: {
    keywords:
      words(`abstract and array as break callable case catch class clone const continue declare default do echo
      else elseif empty enum extends final finally fn for foreach function global goto if implements include instanceof
      interface isset list match namespace new null or print private protected public readonly require return static
      switch throw trait try unset use var while xor yield true false`),
    lineComment: '(//|#).*$',
    blockComment: ['/*', '*/'],
    hasSingleQuotes: true,
  },
  prolog: {
    keywords:
      words(`is mod rem div dynamic discontiguous module use_module initialization fail false true not once forall
      findall bagof setof assert asserta assertz retract catch throw halt`),
    lineComment: '%.*$',
    blockComment: ['/*', '*/'],
    hasSingleQuotes: true,
  },
  zig: {
    keywords:
      words(`addrspace align allowzero and anyerror anyframe anyopaque anytype asm bool break callconv catch
      comptime comptime_float comptime_int const continue defer else enum errdefer error export extern f16 f32 f64 f80
      f128 false fn for i8 i16 i32 i64 i128 if inline isize linksection noalias noinline noreturn nosuspend null opaque
      or orelse packed pub resume return struct suspend switch test threadlocal true try type u8 u16 u32 u64 u128
      undefined union unreachable usize var void volatile while`),
    lineComment: '//.*$',
    name: '@?[\\p{L}_]\\w*',
  },
}
