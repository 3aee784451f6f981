import { Alert, Button, Group, Text, Textarea } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import type { Question } from '../../contracts/moderation.ts';
import { api } from '../api.ts';
import { refresh, useApi } from '../query.ts';
import { moment } from '../words.ts';
import { showDone } from './problem.tsx';

/** On the card: what the moderator asks, and a field for the answer; nothing where nobody asked. */
export function ModeratorQuestion({ listingId }: { listingId: number }) {
  const { data } = useApi<Question>(`/listings/${listingId}/question`);
  const [answer, setAnswer] = useState('');
  const send = useMutation({
    mutationFn: () => api.send('POST', `/listings/${listingId}/answer`, { answer: answer.trim() }),
    onSuccess: async () => {
      showDone('Ответ ушёл модератору');
      await refresh(`/listings/${listingId}/question`, '/tasks', '/waiting');
    },
  });
  const question = data?.question;
  if (!question) return null;
  return (
    <Alert color="waiting" title={`Модератор спрашивает: ${question.text}`}>
      <Text size="xs" c="dimmed">
        {question.by}, {moment(question.at)}
      </Text>
      {question.answer !== null ? (
        <Text size="sm" mt={4}>
          Ответ: {question.answer}
        </Text>
      ) : (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            if (answer.trim() !== '') send.mutate();
          }}
        >
          <Group gap="xs" align="flex-end" mt={6}>
            <Textarea
              label="Ответ"
              autosize
              minRows={1}
              maxLength={1000}
              style={{ flex: '1 1 240px' }}
              value={answer}
              onChange={(event) => setAnswer(event.currentTarget.value)}
            />
            <Button type="submit" loading={send.isPending} disabled={answer.trim() === ''}>
              Ответить
            </Button>
          </Group>
        </form>
      )}
    </Alert>
  );
}
