import { VERSION } from '@sekisho/core'
import { type Command, EXIT } from '../command.ts'

export const version: Command = {
  usage: 'sekisho version',
  run: async ({ output }) => {
    await output.one(
      { version: VERSION },
      { human: shown => `sekisho ${shown.version}\n`, name: shown => shown.version },
    )
    return EXIT.ok
  },
}
