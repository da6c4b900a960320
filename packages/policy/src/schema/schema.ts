/**
 * As much of JSON Schema as Kubernetes takes for its own kinds: structural, each field typed once, everything bounded.
 * https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema
 */
export interface JsonSchema {
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean'
  readonly description?: string
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly additionalProperties?: JsonSchema
  readonly required?: readonly string[]
  readonly items?: JsonSchema
  readonly enum?: readonly string[]
  readonly format?: string
  readonly pattern?: string
  readonly default?: unknown
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly minItems?: number
  readonly maxItems?: number
  readonly maxProperties?: number
  readonly oneOf?: readonly JsonSchema[]
  readonly anyOf?: readonly JsonSchema[]
  readonly not?: JsonSchema
  readonly 'x-kubernetes-int-or-string'?: true
  readonly 'x-kubernetes-preserve-unknown-fields'?: true
  readonly 'x-kubernetes-list-type'?: 'atomic' | 'map' | 'set'
  readonly 'x-kubernetes-list-map-keys'?: readonly string[]
  readonly 'x-kubernetes-map-type'?: 'atomic'
  readonly 'x-kubernetes-validations'?: readonly { readonly rule: string; readonly message: string }[]
}

type Properties = Readonly<Record<string, JsonSchema>>

/**
 * A map with these fields. An API server drops a field that it does not know, and a rule whose `from` is misspelt would
 * then allow everyone: so it has to keep them, and whoever reads the document refuses it by name.
 */
export const object = (
  properties: Properties,
  more: Omit<JsonSchema, 'type' | 'properties'> = {},
): JsonSchema => ({
  type: 'object',
  properties,
  'x-kubernetes-preserve-unknown-fields': true,
  ...more,
})

/** Lists are replaced whole by whoever applies them. */
export const list = (items: JsonSchema, maxItems: number, more: JsonSchema = {}): JsonSchema => ({
  type: 'array',
  items,
  maxItems,
  'x-kubernetes-list-type': 'atomic',
  ...more,
})

/** A list that says something where it is written. */
export const some = (items: JsonSchema, maxItems: number, description?: string): JsonSchema =>
  list(items, maxItems, { minItems: 1, ...(description !== undefined && { description }) })

/** @param shape what Go's regular expressions know too: no look-around, no back-references. */
export const text = (maxLength: number, shape?: RegExp, more: JsonSchema = {}): JsonSchema => ({
  type: 'string',
  maxLength,
  ...(shape && { pattern: shape.source }),
  ...more,
})

export const oneOf = (values: readonly string[], more: JsonSchema = {}): JsonSchema => ({
  type: 'string',
  enum: values,
  ...more,
})

export const integer = (minimum: number, maximum: number, more: JsonSchema = {}): JsonSchema => ({
  type: 'integer',
  minimum,
  maximum,
  ...more,
})

/** Exactly one of these fields is written. Of a list's items: cheaper than an expression, and checked by every tool. */
export const exactlyOne = (fields: readonly string[]): Pick<JsonSchema, 'oneOf'> => ({
  oneOf: fields.map(field => ({ required: [field] })),
})
