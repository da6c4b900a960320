import { describe, expect, test } from 'vitest'
import { websocket } from '../src/protocols/websocket/websocket.ts'
import { byteByByte, opening, readingsOf } from './conversation.ts'

describe('websocket', () => {
  test('is never recognised by its bytes: it begins as HTTP', () => {
    expect(websocket.recognise(opening({ client: '\x81\x82abcdhi' }))).toEqual({ kind: 'no' })
  })

  test('the first frame of each side shows that it is spoken', () => {
    const said = [
      ['server', '\x81\x02hi'],
      ['client', '\x82\xfe\x01\x00abcd'],
      ['client', 'anything'],
    ] as const
    expect(readingsOf(websocket, said)).toEqual([{ kind: 'opaque' }])
    expect(readingsOf(websocket, byteByByte(said))).toEqual([{ kind: 'opaque' }])
  })

  test.each([
    ['a client that does not mask', 'client', '\x81\x02hi', 'mask of the wrong side'],
    ['a server that masks', 'server', '\x81\x82abcdhi', 'mask of the wrong side'],
    ['another protocol', 'client', 'SSH-2.0-x\r\n', 'frame that is none'],
    ['a continuation of nothing', 'client', '\x80\x82abcdhi', 'frame that is none'],
    ['a reserved opcode', 'client', '\x83\x82abcdhi', 'frame that is none'],
    ['a long control frame', 'client', '\x89\xfe\x01\x00', 'frame that is none'],
    ['a control frame in parts', 'client', '\x09\x80abcd', 'frame that is none'],
  ] as const)('%s is refused', (_, side, bytes, reason) => {
    expect(readingsOf(websocket, [[side, bytes]])).toMatchObject([
      { kind: 'unreadable', reason: expect.stringContaining(reason) },
    ])
  })
})
