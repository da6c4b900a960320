import { expect, test } from 'vitest'
import { clearWake, openWake, waitReadable } from '../src/index.ts'

test('a wake ends a wait once, and may be cleared before it comes', () => {
  using wake = openWake()
  clearWake(wake.fd)
  expect(waitReadable([wake.fd], 0)).toEqual([])
  wake.wake()
  wake.wake()
  expect(waitReadable([wake.fd], -1)).toEqual([wake.fd])
  clearWake(wake.fd)
  expect(waitReadable([wake.fd], 0)).toEqual([])
})
