import { parsePhoneNumberFromString } from 'libphonenumber-js/max';

/**
 * A phone in any Russian spelling as E.164, or undefined when it cannot be dialled.
 * Test ranges such as +7 900 000-00-01 are valid; `+7 000 …` is not.
 * @example readPhone('8 (495) 777-10-66') // '+74957771066'
 */
export function readPhone(raw: string): string | undefined {
  const digits = raw.replace(/\D/g, '');
  // Ten digits, or eleven that begin with 8 or 7, are a Russian number whatever stands between them.
  const national =
    digits.length === 10 ? digits : digits.length === 11 && /^[78]/.test(digits) ? digits.slice(1) : undefined;
  const candidate = national !== undefined && !/^\s*\+(?!7)/.test(raw) ? `+7${national}` : raw;
  const parsed = parsePhoneNumberFromString(candidate, 'RU');
  return parsed?.isPossible() && parsed.isValid() ? parsed.number : undefined;
}

/** A phone as people read it: `+7 912 000-00-14`; foreign numbers stay E.164. */
export function formatPhone(e164: string): string {
  const found = /^\+7(\d{3})(\d{3})(\d{2})(\d{2})$/.exec(e164);
  return found ? `+7 ${found[1]} ${found[2]}-${found[3]}-${found[4]}` : e164;
}
