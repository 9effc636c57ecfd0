/** JSON schema, as far as it is needed here: small builders whose results fastify validates with and OpenAPI 3.1 prints. */

/** A JSON schema object (draft 7, which is what fastify's validator reads; OpenAPI 3.1 takes it too). */
export interface Schema {
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean' | 'null';
  readonly description?: string;
  readonly properties?: { readonly [name: string]: Schema };
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
  readonly items?: Schema;
  readonly enum?: readonly string[];
  readonly const?: string;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly default?: string | number | boolean;
  readonly anyOf?: readonly Schema[];
}

/** Every property is required but those in `optional`; unknown ones are refused. */
export function object(properties: { readonly [name: string]: Schema }, optional: readonly string[] = []): Schema {
  const required = Object.keys(properties).filter((name) => !optional.includes(name));
  return { type: 'object', properties, required, additionalProperties: false };
}

/** As `object`, but further properties may follow. */
export function openObject(properties: { readonly [name: string]: Schema }): Schema {
  return { ...object(properties), additionalProperties: true };
}

/** A map from any name. */
export function record(values: Schema): Schema {
  return { type: 'object', additionalProperties: values };
}

/** A list. */
export function list(items: Schema): Schema {
  return { type: 'array', items };
}

/** One of these texts. */
export function oneOf(...values: readonly string[]): Schema {
  return { type: 'string', enum: values };
}

/** The schema or null. */
export function nullable(schema: Schema): Schema {
  return { anyOf: [schema, { type: 'null' }] };
}

/** The value of a document's `schema` member. */
export function tag(name: string): Schema {
  return { type: 'string', const: name };
}

/** Adds a description. */
export function describe(description: string, schema: Schema): Schema {
  return { ...schema, description };
}

/** Any text. */
export const text: Schema = { type: 'string' };

/** True or false. */
export const flag: Schema = { type: 'boolean' };

/** Any number. */
export const number: Schema = { type: 'number' };

/** A whole number from 0. */
export const count: Schema = { type: 'integer', minimum: 0 };

/** Wall-clock milliseconds, 0 for never. */
export const moment: Schema = { type: 'integer', minimum: 0, description: 'wall-clock milliseconds, 0 for never' };
