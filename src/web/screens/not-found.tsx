import { Empty } from '../parts/states.tsx';

export function NotFound() {
  return (
    <Empty
      kind="filter"
      title="Такой страницы нет"
      words="Адрес устарел или написан с ошибкой."
      action={{ words: 'На главную', to: '/' }}
    />
  );
}
