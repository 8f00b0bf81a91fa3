/** The parts of Pyright's responses that the page uses. */
import * as v from 'valibot'

const Markup = v.union([v.string(), v.object({ value: v.string() })])
const Documentation = v.optional(v.nullable(Markup))

export const CompletionList = v.object({
  items: v.array(
    v.object({
      label: v.string(),
      kind: v.optional(v.number(), 1),
      detail: v.optional(v.string()),
      sortText: v.optional(v.string()),
      insertText: v.optional(v.string()),
    }),
  ),
})

export const Hover = v.object({ contents: Markup })

export const SignatureHelp = v.object({
  activeSignature: v.optional(v.nullable(v.number())),
  activeParameter: v.optional(v.nullable(v.number())),
  signatures: v.array(
    v.object({
      label: v.string(),
      documentation: Documentation,
      parameters: v.optional(
        v.array(v.object({ label: v.union([v.string(), v.tuple([v.number(), v.number()])]) })),
        [],
      ),
      activeParameter: v.optional(v.nullable(v.number())),
    }),
  ),
})

/** Returns the parsed value, or null if the response is empty or unknown. */
export function parseResponse<Schema extends v.GenericSchema>(
  schema: Schema,
  response: unknown,
): v.InferOutput<Schema> | null {
  const parsed = v.safeParse(schema, response)
  return parsed.success ? parsed.output : null
}

export function markupText(markup: v.InferOutput<typeof Documentation>): string {
  return typeof markup === 'string' ? markup : (markup?.value ?? '')
}
