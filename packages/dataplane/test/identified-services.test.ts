import { expect, test } from 'vitest'
import { addServices, IdentifiedServices, type ServiceEnd } from '../src/identified-services.ts'
import { IDENTIFIED } from '../src/queue-chains.ts'

const end = (port: number, address = '10.0.0.1'): ServiceEnd => ({ address, protocol: 'TCP', port })
const PERIOD = IDENTIFIED.secondsKept * 1_000

test('each is new once, until its time is over', () => {
  const services = new IdentifiedServices()
  expect(services.add([end(80), end(81)], 0)).toEqual([end(80), end(81)])
  expect(services.add([end(80), end(82)], PERIOD / 2)).toEqual([end(82)])
  expect(services.all(PERIOD - 1)).toHaveLength(3)
  expect(services.all(PERIOD)).toEqual([end(82)])
  expect(services.add([end(80)], PERIOD)).toEqual([end(80)])
})

test('they are at most so many: what is beyond goes on being read', () => {
  const services = new IdentifiedServices()
  const many = Array.from({ length: IDENTIFIED.elementsMax }, (_, at) =>
    end(at % 60_000, `10.0.${at >> 16}.1`),
  )
  const added = services.add(many, 0)
  expect(added.length).toBeLessThan(IDENTIFIED.elementsMax)
  expect(services.add([end(1, '10.9.9.9')], 1)).toEqual([])
  expect(services.add([end(1, '10.9.9.9')], PERIOD)).toHaveLength(1)
})

test('are elements of the set of their family', () => {
  expect(addServices([end(80), { address: 'fd00::1', protocol: 'UDP', port: 53 }])).toEqual([
    {
      kind: 'add-elements',
      set: 'identified_4',
      elements: [{ key: Uint8Array.of(10, 0, 0, 1, 6, 0, 0, 0, 0, 80, 0, 0) }],
    },
    {
      kind: 'add-elements',
      set: 'identified_6',
      elements: [{ key: Uint8Array.of(0xfd, ...Array<number>(14).fill(0), 1, 17, 0, 0, 0, 0, 53, 0, 0) }],
    },
  ])
})
