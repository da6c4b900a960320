import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { chromiumMissing, openBrowser, PATIENCE_MS, seriousFindings } from './browser.ts'
import { lab } from './map/generate.ts'
import { type Served, serveFixture } from './map/serve.ts'

let served: Served
let browser: Browser
const missing = chromiumMissing()
beforeAll(async () => {
  if (missing) return
  served = await serveFixture()
  browser = await openBrowser()
})
afterAll(async () => {
  await browser?.close()
  await served?.[Symbol.asyncDispose]()
})

type PageOptions = NonNullable<Parameters<Browser['newPage']>[0]>

async function open(query: string, options: PageOptions = {}): Promise<Page> {
  const page = await browser.newPage({
    viewport: { width: 1280, height: 800 },
    reducedMotion: 'reduce',
    ...options,
  })
  page.setDefaultTimeout(PATIENCE_MS)
  page.on('pageerror', error => {
    throw error
  })
  await page.goto(`${served.url}?${query}`)
  await page.waitForSelector('.map-title:not([hidden]), .virtual-table, .empty')
  return page
}

const focused = (page: Page): Promise<string> =>
  page.evaluate(
    () => document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.tagName ?? '',
  )
const param = (page: Page, name: string): Promise<string | null> =>
  page.evaluate(key => new URLSearchParams(location.search).get(key), name)
const buttons = (page: Page) => page.locator('.map-cards button:visible')

describe.skipIf(missing)('keyboard', () => {
  test('Tab enters once, arrows walk, Enter opens, Escape returns to where one was', async () => {
    const page = await open('data=lab')
    await page.locator('.filter-bar input').focus()
    await page.keyboard.press('Tab')
    const first = await focused(page)
    expect(first).toMatch(/^Namespace \w+, \d+ workloads/)
    await page.keyboard.press('ArrowDown')
    const card = await focused(page)
    expect(card).toMatch(/^\w+\/\w+, \d+ inbound, \d+ outbound/)
    await page.keyboard.press('Enter')
    await page.waitForSelector('.side-panel')
    expect(await param(page, 'sel')).toMatch(/^n:/)
    await page.keyboard.press('Escape')
    await page.waitForSelector('.side-panel', { state: 'detached' })
    expect(await focused(page)).toBe(card)
    await page.keyboard.press('Shift+Tab')
    expect(await focused(page)).not.toMatch(/inbound|Namespace/)
    await page.close()
  })

  test('every card can be reached by arrows alone, and says all that it shows', async () => {
    const page = await open('data=lab')
    const names = new Set<string>()
    await page.locator('.map-cards [tabindex="0"]').focus()
    // Depth first over what each arrow leads to; focusing a card again is a click on nothing else.
    const walk = async (name: string): Promise<void> => {
      names.add(name)
      for (const key of ['ArrowRight', 'ArrowDown', 'ArrowLeft', 'ArrowUp']) {
        await page.locator(`.map-cards button[aria-label="${name}"]`).focus()
        await page.keyboard.press(key)
        const next = await focused(page)
        if (!names.has(next)) await walk(next)
      }
    }
    await walk(await focused(page))
    for (const { name } of lab().nodes) expect([...names].some(full => full.includes(name))).toBe(true)
    expect([...names]).toContain('payments/db, 3 inbound, 0 outbound, 120 audited, 37 denied, enforced')
    await page.close()
  })

  test('+ − 0 zoom, / goes to the filter, T shows the table', async () => {
    const page = await open('data=lab')
    const width = () =>
      page
        .locator('.map-card')
        .first()
        .evaluate(card => card.getBoundingClientRect().width)
    await page.locator('.map-cards [tabindex="0"]').focus()
    const before = await width()
    await page.keyboard.press('+')
    await expect.poll(width).toBeGreaterThan(before * 1.2)
    await page.keyboard.press('0')
    await expect.poll(async () => Math.abs((await width()) - before)).toBeLessThan(1)
    await page.keyboard.press('ArrowDown')
    expect(await focused(page)).toContain('inbound')
    for (let step = 0; step < 3; step++) await page.keyboard.press('-')
    await expect.poll(() => focused(page)).toMatch(/^Namespace/)
    await page.keyboard.press('0')
    await page.keyboard.press('/')
    expect(await page.locator('.filter-bar input').evaluate(input => input === document.activeElement)).toBe(
      true,
    )
    await page.locator('.map-cards [tabindex="0"]').focus()
    await page.keyboard.press('t')
    await page.waitForSelector('.virtual-table')
    expect(await param(page, 'as')).toBe('table')
    await page.close()
  })
})

const leftOf = async (page: Page, card: string): Promise<number> =>
  (await page.locator('.map-card', { hasText: card }).boundingBox())?.x ?? Number.NaN

describe.skipIf(missing)('the address is the view', () => {
  test('pan, filter and selection are in it, and it brings them back', async () => {
    const page = await open('data=lab')
    await page.mouse.move(700, 650)
    await page.mouse.down()
    await page.mouse.move(640, 600, { steps: 4 })
    await page.mouse.up()
    await expect.poll(() => param(page, 'view')).not.toBeNull()
    await page.locator('.map-card', { hasText: 'ledger' }).click()
    await page.waitForSelector('.side-panel')
    // The address is written when the camera has come to rest.
    const again = await open('data=lab')
    const apart = async () => {
      await again.goto(page.url())
      await again.waitForSelector('.side-panel')
      await again.waitForSelector('.map-title:not([hidden])')
      return Math.abs((await leftOf(again, 'ledger')) - (await leftOf(page, 'ledger')))
    }
    await expect.poll(apart).toBeLessThan(3)
    expect(await param(again, 'view')).not.toBeNull()
    await again.close()
    await page.close()
  })

  test('a filter says how much it hides, dims the rest and moves nothing', async () => {
    const page = await open('data=lab&filter=dst:payments/db')
    expect(await page.locator('.map-shown').textContent()).toMatch(/^4 of 16 nodes shown – 1 filter/)
    await expect.poll(() => page.locator('.map-card:visible').count()).toBe(4)
    await page.close()
  })
})

describe.skipIf(missing)('the table is the map’s twin', () => {
  test('it has every edge, opens the same details, sorts', async () => {
    const page = await open('data=lab&as=table')
    const table = page.getByRole('grid')
    expect(await table.getAttribute('aria-rowcount')).toBe(String(lab().edges.length + 1))
    const rows = await table.getByRole('row').allTextContents()
    for (const { source, destination, port } of lab().edges)
      expect(rows.some(row => row.startsWith(`${source}${destination}${port}/`))).toBe(true)
    await page.getByRole('button', { name: 'Source' }).click()
    expect(await page.getByRole('columnheader', { name: 'Source' }).getAttribute('aria-sort')).toBe(
      'ascending',
    )
    await page.getByRole('row', { name: /shop\/foothold.*payments\/db/ }).click()
    await page.waitForSelector('.side-panel')
    expect(await param(page, 'sel')).toBe('l:shop%2Ffoothold>payments%2Fdb')
    await page.close()
  })
})

describe.skipIf(missing)('live', () => {
  test('a denied flow changes the card, is announced, and moves no card', async () => {
    const page = await open('data=lab')
    const card = page.locator('.map-card', { hasText: 'cart' })
    const before = await card.boundingBox()
    await page.evaluate(() => {
      const { nodes } = window.fixture.map
      const end = (key: string) => {
        const found = nodes.find(node => node.key === key)
        return { key, kind: 'workload', namespace: found?.namespace, name: found?.name, ip: '10.0.0.1' }
      }
      window.fixture.send('flows', {
        flows: [
          {
            id: '1',
            source: end('shop/foothold'),
            destination: end('shop/cart'),
            protocol: 'TCP',
            port: 22,
            outcome: 'denied',
            why: 'isolated',
            connections: 5,
            packets: 5,
            bytesToDestination: 300,
            bytesToSource: 0,
            first: '2026-11-22T04:00:01.000Z',
            last: '2026-11-22T04:00:02.000Z',
          },
        ],
      })
    })
    await page
      .locator('[aria-live="polite"]', { hasText: '5 new denied connections.' })
      .waitFor({ state: 'attached' })
    await expect.poll(() => card.getAttribute('aria-label')).toContain('5 denied')
    expect(await card.boundingBox()).toEqual(before)
    await page.close()
  })
})

describe.skipIf(missing)('size', () => {
  test('never more than 150 buttons, and panning makes none', async () => {
    const page = await open('data=2000&view=2600,1800,0.53', { viewport: { width: 2400, height: 1600 } })
    expect(await page.locator('.map-cards button').count()).toBeLessThanOrEqual(150)
    await page.mouse.move(1200, 800)
    await page.mouse.down()
    for (let step = 1; step <= 12; step++) await page.mouse.move(1200 - step * 80, 800 - step * 40)
    await page.mouse.up()
    await expect.poll(() => param(page, 'view')).not.toBe('2600,1800,0.53')
    expect(await page.locator('.map-cards button').count()).toBeLessThanOrEqual(150)
    expect(await buttons(page).count()).toBeGreaterThan(20)
    await page.close()
  })
})

describe.skipIf(missing)('for everyone', () => {
  test.each([
    ['map', 'data=lab&theme=light'],
    ['map, dark, Japanese', 'data=lab&theme=dark&locale=ja'],
    ['table', 'data=lab&as=table&theme=light'],
    ['details', 'data=lab&sel=n:payments%2Fdb&theme=light'],
    ['nothing seen', 'data=empty&locale=ja'],
  ])('axe finds nothing serious: %s', async (_name, query) => {
    const page = await open(query)
    expect(await seriousFindings(page)).toEqual([])
    await page.close()
  })

  test('denied and audited lines are told by a word and a dash, not by colour alone', async () => {
    const page = await open('data=lab', { forcedColors: 'active' })
    const texts = await page.evaluate(async () => {
      const seen: string[] = []
      const original = CanvasRenderingContext2D.prototype.fillText
      CanvasRenderingContext2D.prototype.fillText = function (text: string, ...rest) {
        seen.push(text)
        return original.call(this, text, ...rest)
      }
      const dashes: number[][] = []
      const setLineDash = CanvasRenderingContext2D.prototype.setLineDash
      CanvasRenderingContext2D.prototype.setLineDash = function (segments) {
        dashes.push([...segments])
        setLineDash.call(this, segments)
      }
      document.querySelector<HTMLButtonElement>('.map-controls button')?.click()
      await new Promise(resolve => requestAnimationFrame(() => requestAnimationFrame(resolve)))
      return { seen, dashed: dashes.some(dash => dash.length > 0) }
    })
    expect(texts.seen).toContain('37 denied')
    expect(texts.seen).toContain('120 audited')
    expect(texts.dashed).toBe(true)
    await page.close()
  })
})
