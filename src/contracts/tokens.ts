/** What a program's key may be good for. It never may more than the person it belongs to. */
export const TOKEN_SCOPES = {
  'listings:read': 'читать объекты, отметки и замечания',
  'listings:write': 'загружать и менять объекты и отметки',
  'moderation:write': 'читать очередь и выносить вердикты',
  'accounts:read': 'читать счета и выписки',
  'accounts:write': 'пополнять счета и переводить деньги',
  'feeds:read': 'читать издания и забирания фидов',
  'feeds:write': 'собирать фиды и отпускать тормоз',
  'settings:read': 'читать настройки',
  'settings:write': 'менять настройки',
  'reports:read': 'читать отчёты и диагностику',
} as const;
export type TokenScope = keyof typeof TOKEN_SCOPES;
