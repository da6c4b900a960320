import { parentPort, workerData } from 'node:worker_threads'
import { createAnswers } from '@sekisho/control'
import { SekishoError } from '@sekisho/core'
import { openStore } from '@sekisho/store'
import { systemClock } from '../clock.ts'
import { databaseIn, keepCompiled } from '../data.ts'
import type { Reply, Request, Setup } from './messages.ts'

/** Answers one question after the other, from a connection of its own that cannot write. */
const { data } = workerData as Setup // `openInsight` alone starts this module
keepCompiled(data)
const answers = createAnswers(openStore({ path: databaseIn(data), clock: systemClock, readOnly: true }))

function reply({ id, asked }: Request): Reply {
  try {
    return { kind: 'answer', id, json: JSON.stringify(answers(asked)) }
  } catch (error) {
    if (!(error instanceof SekishoError)) return { kind: 'failed', id, error }
    const { code, message: detail, problems } = error
    return { kind: 'refused', id, code, detail, problems }
  }
}

parentPort?.on('message', (request: Request) => parentPort?.postMessage(reply(request)))
