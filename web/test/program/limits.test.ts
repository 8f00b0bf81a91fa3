import { expect, test } from 'vitest'
import { effectiveLimits, limitError } from '../../src/program/limits'
import { newProgram } from '../../src/program/program'
import { LANGUAGE } from '../fixtures'

test('interactive programs get the maximum wall time and the default CPU time', () => {
  expect(effectiveLimits(LANGUAGE, newProgram(LANGUAGE))).toEqual({ wall_seconds: 30, cpu_seconds: 10 })
})

test('other programs get the default limits', () => {
  const program = { ...newProgram(LANGUAGE), input: 'text' as const }

  expect(effectiveLimits(LANGUAGE, program)).toEqual({ wall_seconds: 10, cpu_seconds: 10 })
})

test('limits of the program override the defaults', () => {
  const program = { ...newProgram(LANGUAGE), limits: { wall_seconds: 3 } }

  expect(effectiveLimits(LANGUAGE, program)).toMatchObject({ wall_seconds: 3 })
})

test('limitError states the allowed values in the units of the page', () => {
  const range = {
    default: 0,
    minimum: 16 * 1024 ** 2,
    maximum: 2 * 1024 ** 3,
    unit: 'bytes',
    description: '',
  }

  expect(limitError('memory_bytes', range)).toBe('Memory must be between 16 and 2048 MiB')
  expect(limitError('processes', { ...range, minimum: 1, maximum: 64 })).toBe(
    'Processes must be between 1 and 64',
  )
})
