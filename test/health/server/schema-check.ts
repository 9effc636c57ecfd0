/** Holds answers to the schemas that OpenAPI publishes, with the validator fastify itself uses. */
import { fastify } from 'fastify';
import { type DocumentName, documents, routeSchema } from '../../../src/health/server/documents-schema.ts';

type Check = (value: unknown) => readonly string[];

/** Complaints about a value, empty when it is as the schema says. No coercion, no defaults, unknown members are errors. */
export async function schemaChecks(): Promise<(name: DocumentName | 'Route', value: unknown) => readonly string[]> {
  const app = fastify({ ajv: { customOptions: { removeAdditional: false, coerceTypes: false, useDefaults: false, allErrors: true } } });
  const checks = new Map<string, Check>();
  app.get('/', (request, reply) => {
    for (const [name, schema] of [...Object.entries(documents), ['Route', routeSchema] as const]) {
      const validate = request.compileValidationSchema(schema);
      checks.set(name, (value) =>
        validate(value) ? [] : (validate.errors ?? []).map((error) => `${error.instancePath} ${error.message}`),
      );
    }
    return reply.send('');
  });
  await app.inject('/');
  return (name, value) => checks.get(name)?.(value) ?? ['no such schema'];
}
