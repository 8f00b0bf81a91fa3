/** What a run may take, where the program does not say. */
import type { Language } from '../api/schema'
import type { Input, Program } from './program'

// A person thinks while typing: the usual ten seconds would end every conversation. The limit of processor time, which
// stays as it is, ends an endless loop all the same.
const CONVERSATION_SECONDS = 300

/** What a run of this program may take unless it asks for something else. */
export function defaultLimits(language: Language, input: Input): Record<string, number> {
  const usual = Object.entries(language.limits).map(([name, limit]) => [name, limit.default])
  return { ...Object.fromEntries(usual), ...conversation(language, input) }
}

/** What a run of this program may take: what it asks for, else what is usual. */
export function limitsInForce(language: Language, program: Program): Record<string, number> {
  return { ...defaultLimits(language, program.input), ...program.limits }
}

/** What a run on a terminal has instead of the language's defaults. */
export function conversation({ limits }: Language, input: Input): Record<string, number> {
  const longest = limits.wall_seconds?.maximum
  if (input !== 'terminal' || longest === undefined) return {}
  return { wall_seconds: Math.min(longest, CONVERSATION_SECONDS) }
}
