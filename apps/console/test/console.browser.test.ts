import { gzipSync } from 'node:zlib'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  type Built,
  buildConsole,
  chromiumMissing,
  openBrowser,
  openPage,
  seriousFindings,
  tabTo,
} from './browser.ts'
import { startFixture } from './fixture-server.ts'

/** Scripts, styles and words until the overview is drawn. The promise is 300 kB; this holds what was reached. */
const FIRST_LOAD_BYTES = 200_000

const ENGLISH = { locale: 'en-GB', colorScheme: 'light' } as const
const JAPANESE = { locale: 'ja-JP', colorScheme: 'dark' } as const

/** Place, heading in English, heading in Japanese. */
const PAGES: readonly (readonly [string, string, string])[] = [
  ['/', 'Overview', '概要'],
  ['/map', 'Map', 'マップ'],
  ['/flows', 'Flows', 'フロー'],
  ['/policies', 'Policies', 'ポリシー'],
  ['/policies/new', 'Write a policy', 'ポリシーを書く'],
  ['/policies/SecurityPolicy/payments/ledger-db', 'ledger-db', 'ledger-db'],
  ['/policies/suggest', 'Suggest policies', 'ポリシーの提案'],
  ['/policies/suggest?step=review', 'Suggest policies', 'ポリシーの提案'],
  ['/policies/suggest?step=simulate', 'Suggest policies', 'ポリシーの提案'],
  ['/policies/changes', 'History of policies', 'ポリシーの履歴'],
  ['/events', 'Events', 'イベント'],
  ['/agents', 'Agents', 'エージェント'],
  ['/audit', 'Audit log', '監査ログ'],
]

describe.skipIf(chromiumMissing())('the console in a browser', () => {
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
  const fixture = (options: Omit<Parameters<typeof startFixture>[0], 'dist'> = { loggedIn: true }) =>
    startFixture({ dist: built.dist, ...options })

  test('the first load is small', async () => {
    await using server = await fixture()
    await using opened = await openPage(browser, ENGLISH)
    const { page } = opened
    const bodies: Promise<Buffer>[] = []
    page.on('response', response => {
      if (!response.url().includes('/api/')) bodies.push(response.body())
    })
    await page.goto(server.url)
    await page.getByText('What to look at').waitFor()
    const sizes = (await Promise.all(bodies)).map(body => gzipSync(body).length)
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(FIRST_LOAD_BYTES)
  })

  describe.each([
    ['English, light', ENGLISH, 'en'],
    ['Japanese, dark', JAPANESE, 'ja'],
  ] as const)('%s', (_name, options, lang) => {
    test.each(PAGES)('%s', async (place, en, ja) => {
      await using server = await fixture()
      await using opened = await openPage(browser, options)
      const { page, errors } = opened
      await page.goto(server.url + place)
      await page.getByRole('heading', { level: 1, name: lang === 'en' ? en : ja }).waitFor()
      await page.locator('.loading').first().waitFor({ state: 'detached' })
      expect(await page.getAttribute('html', 'lang')).toBe(lang)
      expect(await seriousFindings(page)).toEqual([])
      expect(errors).toEqual([])
    })
  })

  test('a one-time link logs in once, and the first look comes before the password', async () => {
    await using server = await fixture({})
    await using opened = await openPage(browser, ENGLISH)
    const { page } = opened
    await page.goto(server.loginLink)
    await page.getByRole('heading', { name: 'Overview' }).waitFor()
    expect(page.url()).not.toContain('one-time-token')
    await page.getByRole('button', { name: 'Set password' }).click()
    await page.getByLabel('New password').fill('correct horse battery')
    await page.keyboard.press('Enter')
    await page.getByText('The password is set.').waitFor()
    await page.getByRole('button', { name: 'Set password' }).waitFor({ state: 'detached' })
  })

  test('a session that ends asks for a login and goes on where it was', async () => {
    await using server = await fixture()
    await using opened = await openPage(browser, ENGLISH)
    const { page } = opened
    await page.goto(`${server.url}/events?severity=critical`)
    await page.getByRole('heading', { name: 'Events' }).waitFor()
    server.expire()
    await page.getByRole('link', { name: 'Audit log' }).click()
    await page.getByText('Your session has ended').waitFor()
    expect(await seriousFindings(page)).toEqual([])
    await page.getByLabel('Password').fill('wrong wrong wrong')
    await page.keyboard.press('Enter')
    await page.getByText('The user name or password is wrong.').waitFor()
    await page.getByLabel('Password').fill('correct horse battery')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Audit log' }).waitFor()
  })

  test('suggest, simulate, enforce and keep, with the keyboard alone', async () => {
    await using server = await fixture({ loggedIn: true, policies: [] })
    await using opened = await openPage(browser, ENGLISH)
    const { page } = opened
    await page.goto(`${server.url}/policies`)
    await page.getByText('No policies yet').waitFor()
    await tabTo(page, 'Suggest from traffic')
    await page.keyboard.press('Enter')
    await page.getByText('A policy is proposed for each').waitFor()
    await tabTo(page, 'Propose policies')
    await page.keyboard.press('Enter')
    await page.getByText('Left out on purpose').waitFor()
    await page.locator('.proposal-head .button:not([data-disabled])').waitFor()
    await tabTo(page, 'Simulate')
    await page.keyboard.press('Enter')
    await page.getByText('Nothing legitimate would break.').waitFor()
    expect(await page.locator('.sim-figures').textContent()).toMatch(
      /1,482unchanged0legitimate broken37attack attempts denied/,
    )
    await page.locator('.apply .primary:not([data-disabled])').waitFor()
    await tabTo(page, 'Enforce for 5 minutes')
    await page.keyboard.press('Enter')
    await page.getByRole('dialog').waitFor()
    expect(await seriousFindings(page)).toEqual([])
    await tabTo(page, 'Enforce for 5 minutes')
    await page.keyboard.press('Enter')
    await page.getByText(/taken back in \d:\d\d unless kept/).waitFor()
    expect(server.changes().map(change => change.state)).toEqual(['pending'])
    expect(await seriousFindings(page)).toEqual([])
    await tabTo(page, 'Keep')
    await page.keyboard.press('Enter')
    await page.getByText('The change is kept.').waitFor()
    expect(server.changes().map(change => change.state)).toEqual(['kept'])
    await page.getByText(/unless kept/).waitFor({ state: 'detached' })
  })

  test('ten thousand flows: few rows exist, the keyboard reaches all, a row says why', async () => {
    await using server = await fixture()
    await using opened = await openPage(browser, ENGLISH)
    const { page, errors } = opened
    await page.goto(`${server.url}/flows`)
    const rows = page.locator('.virtual-body [role=row]')
    await rows.first().waitFor()
    for (let last = 200; last < 1000; last += 200) {
      await rows.first().focus()
      await page.keyboard.press('End')
      await page.locator(`[aria-rowcount="${last + 202}"], [aria-rowcount="${last + 201}"]`).waitFor()
    }
    expect(await rows.count()).toBeLessThan(80)
    await page.goto(`${server.url}/flows?filter=verdict:denied`)
    await page.locator('.virtual-body .badge.denied').first().waitFor()
    await tabTo(page, 'Pause')
    await page.keyboard.press('Enter')
    await rows.first().focus()
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('Enter')
    await page.getByText('Its only rule allows payments/checkout').waitFor()
    await page.getByText('The smallest rule that would allow this.').waitFor()
    await page.getByText('drop accounts').waitFor()
    await page.locator('.said li', { hasText: 'ada' }).waitFor()
    expect(await seriousFindings(page)).toEqual([])
    await page.keyboard.press('Escape')
    await page.getByRole('complementary').waitFor({ state: 'detached' })
    await expect.poll(() => page.evaluate(() => document.activeElement?.getAttribute('role'))).toBe('row')
    expect(errors).toEqual([])
  })

  test('the filter takes full-width input, and Enter of an input method is not ours', async () => {
    await using server = await fixture()
    await using opened = await openPage(browser, JAPANESE)
    const { page } = opened
    await page.goto(`${server.url}/flows`)
    const input = page.getByRole('combobox', { name: 'フィルターを追加' })
    await input.fill('ｖｅｒｄｉｃｔ：ｄｅｎｉｅｄ')
    await input.dispatchEvent('keydown', { key: 'Enter', isComposing: true })
    expect(new URL(page.url()).searchParams.get('filter')).toBeNull()
    await input.press('Enter')
    await page.locator('.chip').waitFor()
    await expect.poll(() => new URL(page.url()).searchParams.get('filter')).toBe('verdict:denied')
    await input.fill('nowhere:x')
    await input.press('Enter')
    await page.getByText('「nowhere」は解釈できません').waitFor()
  })

  test('a server that goes away leaves the page as it was, and says so', async () => {
    await using server = await fixture()
    await using opened = await openPage(browser, ENGLISH)
    const { page } = opened
    await page.goto(server.url)
    await page.getByText('What to look at').waitFor()
    await page.locator('.live.connected').waitFor()
    await page.route('**/api/v1/stream', route => route.abort())
    server.cut()
    await page.locator('.live.reconnecting').waitFor()
    expect(await page.getByText('What to look at').isVisible()).toBe(true)
    await page.unroute('**/api/v1/stream')
    await page.locator('.live.connected').waitFor()
  })

  test('the language and theme are remembered', async () => {
    await using server = await fixture()
    await using opened = await openPage(browser, ENGLISH)
    const { page } = opened
    await page.goto(server.url)
    await page.getByRole('button', { name: 'Language' }).click()
    await page.getByRole('menuitemradio', { name: '日本語' }).click()
    await page.getByRole('heading', { level: 1, name: '概要' }).waitFor()
    await page.getByRole('button', { name: 'テーマ' }).click()
    await page.getByRole('menuitemradio', { name: 'ダーク' }).click()
    await page.reload()
    await page.getByRole('heading', { level: 1, name: '概要' }).waitFor()
    expect(await page.getAttribute('html', 'lang')).toBe('ja')
    expect(await page.getAttribute('html', 'data-theme')).toBe('dark')
  })
})
