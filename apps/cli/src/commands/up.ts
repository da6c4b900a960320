import { runUp } from '@sekisho/lab'
import { wholeNumber } from '../arguments.ts'
import type { Command } from '../command.ts'

export const up: Command = {
  usage: 'sekisho up [--no-browser] [--port 7443] [--clean]',
  options: { 'no-browser': { type: 'boolean' }, port: { type: 'string' }, clean: { type: 'boolean' } },
  run: ({ values }) => {
    const port = wholeNumber(values, 'port')
    return runUp({
      browser: !values['no-browser'],
      clean: Boolean(values.clean),
      ...(port === undefined ? {} : { port }),
    })
  },
}
