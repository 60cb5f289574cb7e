// Makes the types of the API out of its document (tests/api/openapi.json, which a test holds to what the server says).
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import openapi, { astToString } from "openapi-typescript";

const document = JSON.parse(readFileSync(new URL("../../tests/api/openapi.json", import.meta.url), "utf8"));
const types = astToString(await openapi(document, { rootTypes: true, rootTypesNoSchemaPrefix: true }));
const folder = new URL("../generated/", import.meta.url);
mkdirSync(folder, { recursive: true });
writeFileSync(new URL("api.d.ts", folder), types);
