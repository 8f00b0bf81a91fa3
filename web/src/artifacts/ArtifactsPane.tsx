import { useEffect, useState } from 'react'
import { fetchArtifact } from '../api/jobs'
import type { Artifact, Result } from '../api/streamEvents'
import { downloadFile } from '../components/downloadFile'
import { Icon } from '../components/Icon'
import { formatBytes } from '../format'
import { errorText } from '../run/statusText'
import { displayName, downloadName, imageType } from './fileNames'
import './artifacts.css'

/** The artifacts of a job: images, and a download button for each file. */
export default function ArtifactsPane({ jobId, result }: { jobId: string; result: Result }) {
  const { artifacts, artifacts_incomplete } = result
  return (
    <details className="artifacts" open>
      <summary>{artifacts.length === 1 ? '1 file' : `${artifacts.length} files`}</summary>
      <ul>
        {artifacts.map((artifact) => (
          <li key={artifact.name}>
            {imageType(artifact.name) && <ArtifactImage jobId={jobId} name={artifact.name} />}
            <ArtifactRow jobId={jobId} artifact={artifact} />
          </li>
        ))}
      </ul>
      {artifacts_incomplete && (
        <p>
          Some matching files are missing: at most 16 files, 8 MiB in total, and only printable names. Narrow
          the pattern under Artifacts.
        </p>
      )}
    </details>
  )
}

function ArtifactImage({ jobId, name }: { jobId: string; name: string }) {
  const [url, setUrl] = useState<string | null>(null)
  const [error, setError] = useState<string | null>(null)
  useEffect(() => {
    fetchArtifact(jobId, name)
      .then((blob) => dataUrl(blob, imageType(name) ?? ''))
      .then(setUrl, (failure: Error) => setError(errorText(failure)))
  }, [jobId, name])
  if (error) return <p className="tone-bad">{error}</p>
  return url ? (
    <img
      src={url}
      alt={displayName(name)}
      onError={() => setError('This image cannot be shown. Download it instead.')}
    />
  ) : null
}

function ArtifactRow({ jobId, artifact: { name, size_bytes } }: { jobId: string; artifact: Artifact }) {
  const [error, setError] = useState<string | null>(null)
  const save = () => {
    fetchArtifact(jobId, name).then(
      (blob) => downloadFile(blob, downloadName(name)),
      (failure: Error) => setError(errorText(failure)),
    )
  }
  return (
    <div className="artifact-row">
      <bdi>{displayName(name)}</bdi>
      <span>{formatBytes(size_bytes)}</span>
      <button
        type="button"
        className="button"
        aria-label={`Download ${displayName(name)}`}
        title="Download"
        onClick={save}
      >
        <Icon name="download" />
      </button>
      {error && <span className="tone-bad">{error}</span>}
    </div>
  )
}

/** The content security policy permits images of this origin and data URLs. An <img> request cannot send an API key. */
function dataUrl(blob: Blob, type: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader()
    reader.onload = () => resolve(String(reader.result))
    reader.onerror = () => reject(reader.error)
    reader.readAsDataURL(new Blob([blob], { type }))
  })
}
