/** Pauses and resumes queues. */
import { RequestRejected } from '../../api/errors'
import { pauseQueue, resumeQueue } from '../api/requests'
import { describeError } from '../live/requestError'
import type { Notice } from '../notice'

/** The queue of the periodic tasks, which the server does not pause. */
export const MAINTENANCE_QUEUE = 'maintenance'

/** Pauses a queue, and offers to resume it. */
export async function pause(queue: string, onNotice: (notice: Notice) => void): Promise<void> {
  await report(
    () => pauseQueue(queue),
    {
      text: `The queue ${queue} is paused.`,
      isError: false,
      actions: [{ text: 'Undo', run: () => void resume(queue, onNotice) }],
    },
    onNotice,
  )
}

export async function resume(queue: string, onNotice: (notice: Notice) => void): Promise<void> {
  await report(
    () => resumeQueue(queue),
    { text: `The queue ${queue} is not paused any more.`, isError: false },
    onNotice,
  )
}

async function report(
  request: () => Promise<void>,
  success: Notice,
  onNotice: (notice: Notice) => void,
): Promise<void> {
  try {
    await request()
    onNotice(success)
  } catch (error) {
    const text = error instanceof RequestRejected ? error.message : describeError(error).text
    onNotice({ text: `The action failed. ${text}`, isError: true })
  }
}
