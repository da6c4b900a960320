import { required, UsageError } from '../../arguments.ts'
import { EXIT, type Invocation } from '../../command.ts'
import { isProgram, renderFile } from './code.ts'

/** Prints the policies that a program means. */
export async function render({ positionals, output }: Invocation): Promise<number> {
  const path = required(positionals, 1, 'FILE.ts')
  if (!isProgram(path)) throw new UsageError(`${path} is no program: its name does not end in .ts`)
  output.text(await renderFile(path))
  return EXIT.ok
}
