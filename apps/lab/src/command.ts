import { spawn } from 'node:child_process'

export interface CommandResult {
  readonly stdout: string
  readonly stderr: string
}

/** Runs a program to its end; rejects with what it wrote on stderr when it fails. */
export function run(argv: readonly string[], options: { input?: string; timeoutMs?: number } = {}) {
  const [program = '', ...rest] = argv
  return new Promise<CommandResult>((resolve, reject) => {
    const child = spawn(program, rest, {
      stdio: ['pipe', 'pipe', 'pipe'],
      timeout: options.timeoutMs ?? 180_000,
    })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    child.once('error', reject)
    // A program may fail before it has read its input: its exit code says more than our EPIPE.
    child.stdin.on('error', () => undefined).end(options.input ?? '')
    child.once('close', (code, signal) => {
      if (code === 0) resolve({ stdout, stderr })
      else
        reject(new Error(`${program} ${rest.join(' ')}: ${stderr.trim() || `ended with ${signal ?? code}`}`))
    })
  })
}
