import { stringify } from 'yaml'
import { alertRules } from './alerts.ts'
import { dashboard } from './dashboard.ts'
import { isLeaf, type Leaf, type Section, VALUES } from './values.ts'

const CHART = 'deploy/helm/sekisho'

function schemaOf(value: Leaf | Section): object {
  if (isLeaf(value)) return { description: value.about, default: value.default, ...value.schema }
  const properties = Object.fromEntries(
    Object.entries(value.values).map(([name, each]) => [name, schemaOf(each)]),
  )
  return { description: value.about, type: 'object', additionalProperties: false, properties }
}

/** https://helm.sh/docs/topics/charts/#schema-files */
function jsonSchema(): string {
  const root = schemaOf(VALUES) as { readonly properties: object } // a section
  // Parents of a chart hand these down to every child.
  const properties = { ...root.properties, global: { type: 'object' } }
  const schema = { $schema: 'http://json-schema.org/draft-07/schema#', ...root, properties }
  return `${JSON.stringify(schema, null, 2)}\n`
}

const comment = (about: string, indent: string): string => `${indent}# ${about}\n`

function yamlOf({ values }: Section, indent = ''): string {
  return Object.entries(values)
    .map(([name, value]) => {
      const head = comment(value.about, indent)
      if (!isLeaf(value)) return `${head}${indent}${name}:\n${yamlOf(value, `${indent}  `)}`
      const lines = stringify({ [name]: value.default }, { lineWidth: 0 })
        .trimEnd()
        .split('\n')
      return `${head}${lines.map(line => `${indent}${line}\n`).join('')}`
    })
    .join('')
}

function rows({ values }: Section, path = ''): readonly string[] {
  return Object.entries(values).flatMap(([name, value]) =>
    isLeaf(value)
      ? [`| \`${path}${name}\` | \`${JSON.stringify(value.default)}\` | ${value.about} |`]
      : rows(value, `${path}${name}.`),
  )
}

const BY = 'Made by `node scripts/chart.ts`.'

/** Files that are made from tables in code, by path; a test compares them with what is on disk. */
export const CHART_FILES: Readonly<Record<string, string>> = {
  [`${CHART}/values.schema.json`]: jsonSchema(),
  [`${CHART}/values.yaml`]: `# ${BY} docs/VALUES.md has all of them in a table.\n${yamlOf(VALUES)}`,
  [`${CHART}/files/alerts.yaml`]: `# ${BY}\n${stringify(alertRules(), { lineWidth: 0 })}`,
  [`${CHART}/files/dashboard.json`]: `${JSON.stringify(dashboard(), null, 2)}\n`,
  'docs/VALUES.md': `# Values of the chart\n\n${BY}\n\n| value | default | what |\n| --- | --- | --- |\n${rows(VALUES).join('\n')}\n`,
}
