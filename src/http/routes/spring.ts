import { json } from '../respond.ts';

const SPRING_TYPES = /application\/vnd\.spring-boot\.actuator\.v[23]\+json/;

/** JSON under the name that the client has for it: Spring Boot Admin takes no index that is only JSON. */
export function spring(
  req: Request,
  body: unknown,
  status = 200,
  headers: Record<string, string> = {},
): Response {
  const type = SPRING_TYPES.exec(req.headers.get('accept') ?? '')?.[0];
  return json(body, status, type === undefined ? headers : { ...headers, 'Content-Type': type });
}
