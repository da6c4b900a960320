import type { Row } from './report.ts'
export async function dataplaneTraffic(_size: number, _progress: (line: string) => void): Promise<Row[]> {
  return []
}
