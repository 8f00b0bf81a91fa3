import { useCallback, useEffect, useRef, useState } from 'react'
import { deadLetters } from './requests'
import type { DeadLetter } from './schema'
import { troubleOf } from './trouble'

const PAGE = 20

interface Letters {
  letters: DeadLetter[]
  hasMore: boolean
  mistake: string | null
  more(): void
}

/** A queue's dead letters: the newest, as many as were asked for; read again whenever `state` is another one. */
export function useDeadLetters(queue: string, state: string): Letters {
  const [found, setFound] = useState<{ letters: DeadLetter[]; next: string | null }>({
    letters: [],
    next: null,
  })
  const [mistake, setMistake] = useState<string | null>(null)
  const wanted = useRef(PAGE)
  const reading = useRef(0)
  const read = useCallback(async () => {
    reading.current += 1
    const mine = reading.current
    try {
      const letters = await newest(queue, wanted.current)
      if (mine === reading.current) setFound(letters)
      setMistake(null)
    } catch (error) {
      if (mine === reading.current) setMistake(troubleOf(error).text)
    }
  }, [queue])
  useEffect(() => {
    read()
  }, [read, state])
  const more = () => {
    wanted.current += PAGE
    read()
  }
  return { letters: found.letters, hasMore: found.next !== null, mistake, more }
}

async function newest(
  queue: string,
  wanted: number,
): Promise<{ letters: DeadLetter[]; next: string | null }> {
  const letters: DeadLetter[] = []
  let next: string | null = null
  do {
    const page = await deadLetters(queue, PAGE, next)
    letters.push(...page.dead_letters)
    next = page.next
  } while (next !== null && letters.length < wanted)
  return { letters, next }
}
