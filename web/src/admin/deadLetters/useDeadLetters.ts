import { useEffect, useState } from 'react'
import { fetchDeadLetters } from '../api/requests'
import type { DeadLetter } from '../api/schema'
import { describeError } from '../live/requestError'

const PAGE_SIZE = 20

interface DeadLetters {
  deadLetters: DeadLetter[]
  hasMore: boolean
  error: string | null
  showMore(): void
}

/** Returns the newest dead letters of a queue. Fetches them again when `revision` changes. */
export function useDeadLetters(queue: string, revision: string): DeadLetters {
  const [count, setCount] = useState(PAGE_SIZE)
  const [result, setResult] = useState<Omit<DeadLetters, 'showMore'>>({
    deadLetters: [],
    hasMore: false,
    error: null,
  })
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new revision must fetch again
  useEffect(() => {
    let isOutdated = false
    fetchNewest(queue, count).then(
      (newest) => !isOutdated && setResult({ ...newest, error: null }),
      (error) => !isOutdated && setResult((before) => ({ ...before, error: describeError(error).text })),
    )
    return () => {
      isOutdated = true
    }
  }, [queue, count, revision])
  return { ...result, showMore: () => setCount(count + PAGE_SIZE) }
}

async function fetchNewest(
  queue: string,
  count: number,
): Promise<{ deadLetters: DeadLetter[]; hasMore: boolean }> {
  const deadLetters: DeadLetter[] = []
  let next: string | null = null
  do {
    const page = await fetchDeadLetters(queue, PAGE_SIZE, next)
    deadLetters.push(...page.dead_letters)
    next = page.next
  } while (next !== null && deadLetters.length < count)
  return { deadLetters, hasMore: next !== null }
}
