import { useRef, useState } from 'react'
import { copyText } from '../components/copyText'

/** A link that can be copied. */
export function CopyField({ label, value }: { label: string; value: string }) {
  const [result, setResult] = useState<{ value: string; text: string } | null>(null)
  const field = useRef<HTMLInputElement>(null)
  const copy = () => {
    field.current?.select()
    void copyText(value).then((isCopied) => setResult({ value, text: isCopied ? 'Copied' : 'Press Ctrl+C' }))
  }
  return (
    <div className="share">
      <input
        ref={field}
        className="field"
        readOnly
        aria-label={label}
        value={value}
        onFocus={(event) => event.target.select()}
      />
      <button type="button" className="button outlined" disabled={!value} onClick={copy}>
        {value && result?.value === value
          ? result.text
          : `Copy ${label === label.toUpperCase() ? label : label.toLowerCase()}`}
      </button>
    </div>
  )
}
