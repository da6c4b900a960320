import { gzipSync } from 'node:zlib'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { en } from '../src/i18n/en/index.ts'
import { ja } from '../src/i18n/ja/index.ts'
import {
  type Built,
  buildConsole,
  chromiumMissing,
  openBrowser,
  openPage,
  seriousFindings,
  tabTo,
} from './browser.ts'
import { LEDGER_YAML } from './fixture-data.ts'
import { startFixture } from './fixture-server.ts'

const LEDGER = '/policies/SecurityPolicy/payments/ledger-db'
/** A worker with the whole engine; it is loaded for the first question only. */
const WORKER_BYTES = 200_000

/** Questions about a policy that is being edited, asked of the engine in the browser. */
describe.skipIf(chromiumMissing())('before a policy is applied', () => {
  let built: Built
  let browser: Browser
  beforeAll(async () => {
    built = await buildConsole()
    browser = await openBrowser()
  })
  afterAll(async () => {
    await browser.close()
    built[Symbol.dispose]()
  })

  const fill = async (page: Page, fields: Readonly<Record<string, string>>) => {
    for (const [label, value] of Object.entries(fields))
      await page.getByLabel(label, { exact: true }).fill(value)
  }
  const look = async (page: Page, name: string) => {
    const folder = process.env.SEKISHO_SCREENSHOTS
    if (folder) await page.locator('.ask').screenshot({ path: `${folder}/${name}.png` })
  }

  test.each([
    ['en', en, { locale: 'en-GB', colorScheme: 'light' }],
    ['ja', ja, { locale: 'ja-JP', colorScheme: 'dark' }],
  ] as const)('one connection, all connections and what changes: %s', async (lang, t, options) => {
    await using server = await startFixture({ dist: built.dist, loggedIn: true })
    await using visit = await openPage(browser, options)
    const { page, errors } = visit
    const workers: string[] = []
    page.on('request', request => {
      if (request.url().includes('ask.worker')) workers.push(request.url())
    })
    const { ask } = t.policies
    await page.goto(server.url + LEDGER)
    await page.getByRole('button', { name: ask.submit.explain }).waitFor()
    await page.locator('.ask-form .button:not([data-disabled])').waitFor()
    expect(workers, 'the engine is not loaded before it is asked').toEqual([])

    await fill(page, {
      [t.terms.source]: 'shop/image-resizer',
      [t.terms.destination]: 'payments/ledger-db',
      [t.terms.port]: '5432',
    })
    await page.getByRole('button', { name: ask.submit.explain }).click()
    await page.locator('.ask .badge.denied').waitFor()
    await page.locator('.ask .sentences', { hasText: 'SecurityPolicy payments/ledger-db' }).waitFor()
    expect(workers).toHaveLength(1)
    expect(await seriousFindings(page)).toEqual([])
    await look(page, `explain-${lang}`)

    // The text as it is written, not as it is in force.
    const editor = page.getByRole('textbox', { name: t.policies.editor.label })
    const opened = LEDGER_YAML.replace('- podSelector', '- namespaceSelector: {}\n          podSelector')
    await editor.fill(opened.replace('app: checkout', 'app: image-resizer'))
    await page.getByText(ask.stale).waitFor()
    await page.getByRole('button', { name: ask.submit.explain }).click()
    await page.locator('.ask .badge.allowed').waitFor()

    await page.getByRole('radio', { name: ask.kind.reach }).click()
    await fill(page, { [t.terms.source]: 'outside', [t.terms.destination]: 'payments/app=ledger-db' })
    await page.getByRole('button', { name: ask.submit.reach }).click()
    await page.getByText(ask.reach.false('outside', 'payments/app=ledger-db')).waitFor()
    await look(page, `nothing-${lang}`)
    await fill(page, { [t.terms.source]: 'anything' })
    await page.getByRole('button', { name: ask.submit.reach }).click()
    await page.getByText(ask.reach.sure('anything', 'payments/app=ledger-db')).waitFor()
    expect(await seriousFindings(page)).toEqual([])
    await look(page, `reach-${lang}`)

    await page.getByRole('radio', { name: ask.kind.difference }).click()
    await page.getByRole('button', { name: ask.submit.difference }).click()
    await page.locator('.proof.found .witnesses li').first().waitFor()
    expect(await seriousFindings(page)).toEqual([])
    await look(page, `difference-${lang}`)
    expect(errors).toEqual([])
  })

  test('with the keyboard alone; what cannot be read is told, and a question can be taken back', async () => {
    await using server = await startFixture({ dist: built.dist, loggedIn: true })
    await using opened = await openPage(browser, { locale: 'en-GB' })
    const { page } = opened
    await page.goto(server.url + LEDGER)
    await page.locator('.ask-form .button:not([data-disabled])').waitFor()
    await page.getByLabel('Source', { exact: true }).focus()
    await page.keyboard.type('shop/nobody')
    await tabTo(page, '')
    await page.keyboard.type('payments/ledger-db')
    await tabTo(page, '')
    await page.keyboard.type('5432')
    await page.keyboard.press('Enter')
    await page.getByText(en.policies.ask.misread.from).waitFor()

    // An engine that does not answer: the page stays usable and the question can be cancelled.
    await page.route('**/api/v1/model', () => undefined)
    await page.getByLabel('Source', { exact: true }).fill('shop/web')
    await page.keyboard.press('Enter')
    await tabTo(page, en.policies.ask.cancel)
    await page.keyboard.press('Enter')
    await page.getByText('Asking the engine').waitFor({ state: 'detached' })
    await page.unroute('**/api/v1/model')
    await page.getByLabel('Source', { exact: true }).press('Enter')
    await page.locator('.ask .badge.denied').waitFor()
  })

  test('the worker is bounded in size', async () => {
    await using server = await startFixture({ dist: built.dist, loggedIn: true })
    await using opened = await openPage(browser, { locale: 'en-GB' })
    const { page } = opened
    await page.goto(server.url + LEDGER)
    await page.getByRole('radio', { name: en.policies.ask.kind.difference }).click()
    const loaded = page.waitForResponse(/ask\.worker/)
    await page.getByRole('button', { name: en.policies.ask.submit.difference }).click()
    expect(gzipSync(await (await loaded).body()).length).toBeLessThan(WORKER_BYTES)
    await page.getByText(en.policies.ask.difference.none).waitFor()
  })
})
