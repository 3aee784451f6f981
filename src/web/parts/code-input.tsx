import { TextInput, type TextInputProps } from '@mantine/core';

/** Six digits of the second factor. */
export function CodeInput(props: TextInputProps) {
  return (
    <TextInput
      label="Код из приложения"
      description="Шесть цифр из приложения второго фактора"
      name="code"
      inputMode="numeric"
      autoComplete="one-time-code"
      maxLength={10}
      required
      {...props}
    />
  );
}
