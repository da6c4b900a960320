import { defineConfig } from 'vitest/config'

const setupFiles = ['./vitest.setup.ts']
const poll = { timeout: 60_000, interval: 50 }
/** Whole labs, minutes each. */
const LAB = 'e2e/lab/**/*.test.ts'
/** A cluster of two nodes. */
const CLUSTER = 'e2e/cluster/**/*.test.ts'

/**
 * Kinds of tests, told apart by file name so that each can be run alone:
 * `*.test.ts` pure or on loopback, `*.netns.test.ts` need root and network namespaces,
 * `*.browser.test.ts` need Chromium, `*.kube.test.ts` a kube-apiserver with etcd; those of whole labs are a fifth, those of a whole cluster a sixth. One kind after the other: real programs want the processors for themselves.
 * A missing privilege skips loudly on a desk and fails in CI.
 */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          setupFiles,
          expect: { poll },
          name: 'unit',
          sequence: { groupOrder: 1 },
          include: [
            '*.test.ts',
            '{packages,apps}/*/{src,test}/**/*.test.ts',
            '{bench,conformance,e2e}/**/*.test.ts',
          ],
          exclude: [LAB, CLUSTER, '**/node_modules/**', '**/*.{netns,browser,kube}.test.ts'],
          maxWorkers: 2,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          setupFiles,
          expect: { poll },
          name: 'netns',
          sequence: { groupOrder: 2 },
          include: ['{packages,apps,e2e}/**/*.netns.test.ts'],
          exclude: ['**/node_modules/**', LAB],
          pool: 'forks',
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          setupFiles,
          expect: { poll },
          name: 'browser',
          sequence: { groupOrder: 3 },
          include: ['{packages,apps,e2e}/**/*.browser.test.ts'],
          exclude: ['**/node_modules/**', LAB],
          pool: 'forks',
          fileParallelism: false,
          testTimeout: 400_000,
          hookTimeout: 300_000,
        },
      },
      {
        test: {
          setupFiles,
          expect: { poll },
          name: 'lab',
          sequence: { groupOrder: 4 },
          include: [LAB],
          exclude: ['**/node_modules/**'],
          pool: 'forks',
          fileParallelism: false,
          testTimeout: 400_000,
          hookTimeout: 300_000,
        },
      },
      {
        test: {
          setupFiles,
          expect: { poll },
          name: 'kube',
          sequence: { groupOrder: 5 },
          include: ['{packages,apps,e2e}/**/*.kube.test.ts'],
          exclude: ['**/node_modules/**'],
          pool: 'forks',
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 300_000,
        },
      },
      {
        test: {
          setupFiles,
          expect: { poll },
          name: 'cluster',
          sequence: { groupOrder: 6 },
          include: [CLUSTER],
          exclude: ['**/node_modules/**'],
          pool: 'forks',
          fileParallelism: false,
          testTimeout: 900_000,
          hookTimeout: 900_000,
        },
      },
    ],
  },
})
