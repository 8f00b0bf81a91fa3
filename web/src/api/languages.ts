/** The languages of the server. */
import * as v from 'valibot'
import { requestJson } from './client'

const LimitRange = v.object({
  default: v.number(),
  minimum: v.number(),
  maximum: v.number(),
  unit: v.string(),
  description: v.string(),
})

export const Language = v.object({
  id: v.string(),
  name: v.string(),
  version: v.nullable(v.string()),
  /** The id of the default version, or null for it. A list that an earlier version of the page stored does not contain it. */
  version_of: v.optional(v.nullable(v.string()), null),
  file_name: v.string(),
  template: v.string(),
  /** The commands of the compiler, empty if there is none, and of the program, with placeholders such as `{sources}`. */
  compile: v.optional(v.array(v.string()), []),
  run: v.optional(v.array(v.string()), []),
  /** The libraries that programs can import, `name==version`. */
  packages: v.optional(v.array(v.string()), []),
  limits: v.record(v.string(), LimitRange),
})

export const LanguageList = v.object({ languages: v.array(Language) })

export type Language = v.InferOutput<typeof Language>
export type LimitRange = v.InferOutput<typeof LimitRange>

/** Throws RequestRejected or ServerUnreachable. */
export async function fetchLanguages(): Promise<Language[]> {
  return (await requestJson(LanguageList, '/v1/languages')).languages
}
