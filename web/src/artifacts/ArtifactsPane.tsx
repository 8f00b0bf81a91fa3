import { useEffect, useState } from 'react'
import type { Artifact, Result } from '../api/events'
import { artifact } from '../api/jobs'
import { Icon } from '../layout/Icon'
import { download } from '../run/download'
import { failure } from '../run/sentence'
import { bytes } from '../run/units'
import { downloadName, pictureType, readableName } from './kinds'
import './artifacts.css'

interface Properties {
  jobId: string
  result: Result
}

/** The files that a program has left: pictures beside its output, everything for download. */
export default function ArtifactsPane({ jobId, result }: Properties) {
  const { artifacts, artifacts_incomplete } = result
  return (
    <details className="artifacts" open>
      <summary>{artifacts.length === 1 ? '1 file' : `${artifacts.length} files`}</summary>
      <ul>
        {artifacts.map((one) => (
          <li key={one.name}>
            {pictureType(one.name) && <Picture jobId={jobId} name={one.name} />}
            <FileLine jobId={jobId} artifact={one} />
          </li>
        ))}
      </ul>
      {artifacts_incomplete && (
        <p>Not all that matched is here: at most 16 files, 8 MiB together, with printable names.</p>
      )}
    </details>
  )
}

function Picture({ jobId, name }: { jobId: string; name: string }) {
  const [shown, setShown] = useState<string | null>(null)
  const [trouble, setTrouble] = useState<string | null>(null)
  useEffect(() => {
    artifact(jobId, name)
      .then((blob) => dataUrl(blob, pictureType(name) ?? ''))
      .then(setShown, (error: Error) => setTrouble(failure(error)))
  }, [jobId, name])
  if (trouble) return <p className="tone-bad">{trouble}</p>
  return shown ? (
    <img
      src={shown}
      alt={readableName(name)}
      onError={() => setTrouble('This is no picture that can be shown.')}
    />
  ) : null
}

function FileLine({ jobId, artifact: { name, size_bytes } }: { jobId: string; artifact: Artifact }) {
  const [trouble, setTrouble] = useState<string | null>(null)
  const save = () => {
    artifact(jobId, name).then(
      (blob) => download(blob, downloadName(name)),
      (error: Error) => setTrouble(failure(error)),
    )
  }
  return (
    <div className="artifact-line">
      <bdi>{readableName(name)}</bdi>
      <span>{bytes(size_bytes)}</span>
      <button
        type="button"
        className="button"
        aria-label={`Download ${readableName(name)}`}
        title="Download"
        onClick={save}
      >
        <Icon name="download" />
      </button>
      {trouble && <span className="tone-bad">{trouble}</span>}
    </div>
  )
}

/** The policy allows pictures of this origin and those that are in the page itself: so it never matters who asks. */
function dataUrl(blob: Blob, type: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader()
    reader.onload = () => resolve(String(reader.result))
    reader.onerror = () => reject(reader.error)
    reader.readAsDataURL(new Blob([blob], { type }))
  })
}
