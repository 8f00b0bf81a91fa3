import type { LimitRange } from '../api/languages'
import { defaultLimits, LIMIT_LABELS, limitError, limitUnit } from '../program/limits'
import { LIMIT_NAMES, type LimitName } from '../program/program'
import { editProgram } from '../program/programActions'
import { currentLanguage, currentProgram, useStore } from '../store'

/** A field for each limit of the server. An empty field shows the default. */
export function LimitFields() {
  const language = useStore(currentLanguage)
  const { input, limits } = useStore(currentProgram)
  const defaults = defaultLimits(language, input)
  const fields = LIMIT_NAMES.flatMap((name) => {
    const range = language.limits[name]
    return range ? [{ name, range, value: limits[name] }] : []
  })
  const errors = fields.flatMap(({ name, range, value }) =>
    isWithin(value, range) ? [] : [`${limitError(name, range)}.`],
  )
  return (
    <>
      <p className="limit-errors tone-bad" role="alert">
        {errors.join(' ')}
      </p>
      <div className="limits">
        {fields.map(({ name, range, value }) => {
          const { label, scale } = limitUnit(name)
          return (
            <div key={name}>
              <label htmlFor={`limit-${name}`} title={range.description}>
                {LIMIT_LABELS[name]} <span className="unit">{label}</span>
              </label>
              <input
                id={`limit-${name}`}
                className="field"
                type="number"
                step="any"
                aria-invalid={!isWithin(value, range)}
                title={`${range.description}. ${limitError(name, range)}`}
                placeholder={String((defaults[name] ?? range.default) / scale)}
                value={value === undefined ? '' : value / scale}
                onChange={(event) => setLimit(name, event.target.value)}
              />
            </div>
          )
        })}
      </div>
    </>
  )
}

/** An empty text removes the limit. */
function setLimit(name: LimitName, text: string): void {
  editProgram(({ limits: { [name]: _, ...others }, ...program }) => ({
    ...program,
    limits: text === '' ? others : { ...others, [name]: Number(text) * limitUnit(name).scale },
  }))
}

function isWithin(value: number | undefined, { minimum, maximum }: LimitRange): boolean {
  return value === undefined || (value >= minimum && value <= maximum)
}
