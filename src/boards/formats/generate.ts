/**
 * `npm run schemas`: writes feed-schemas/<family>.xsd from the tables of the codecs. The files are committed, so a
 * change of a table shows in them; test/boards/formats/schema.test.ts holds the two together.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../root.ts';
import { CODECS } from './index.ts';
import { schemaText } from './schema.ts';

for (const codec of Object.values(CODECS)) {
  const file = join(ROOT, 'feed-schemas', `${codec.family}.xsd`);
  const text = schemaText(codec);
  writeFileSync(file, text);
  console.log(`feed-schemas/${codec.family}.xsd: ${text.split('\n').length - 1} строк`);
}
