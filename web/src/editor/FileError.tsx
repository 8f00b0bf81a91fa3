import { useFieldError } from '../run/useFieldError'

/** The error of the last run that belongs to a file. */
export default function FileError() {
  const error = useFieldError()
  return error?.target.kind === 'file' ? (
    <p className="field-error tone-bad" role="alert">
      {error.text}.
    </p>
  ) : null
}
