import { describe, expect, it } from 'vitest';
import { isAbout } from '../../src/web/screens/reports/search.ts';

const LISTING = { externalId: 'К-104', title: '2-комн., Берёзовая ул., 7', employee: 'Семён Алёшин' };

describe('a listing is found', () => {
  it.each([
    '',
    '  ',
    'семен',
    'СЕМЁН',
    'алешин семён',
    'березовая 7',
    'к-104',
    ' Берёзовая  алешин ',
  ])('by «%s»', (text) => expect(isAbout(LISTING, text)).toBe(true));

  it.each(['семен петров', 'к-105', 'null'])('not by «%s»', (text) => {
    expect(isAbout(LISTING, text)).toBe(false);
    expect(isAbout({ ...LISTING, employee: null }, text)).toBe(false);
  });

  it('by its employee only where it has one', () => {
    expect(isAbout({ ...LISTING, employee: null }, 'семен')).toBe(false);
  });
});
