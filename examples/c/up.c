/*
 * Brings a stack up on a simulated host, tells how far it is, and lists the jails that run then.
 *
 *   cc -o up up.c $(pkg-config --cflags --libs jailkit)
 *   ./up examples/web-and-db/jailkit.toml /tmp/host
 *
 * With a third argument it calls the plan off after so many steps; run again, it goes on from there.
 */
#include <jailkit.h>
#include <stdio.h>
#include <stdlib.h>

static int fail(jk_error *error) {
  jk_bytes message = jk_error_message(error), hint = jk_error_hint(error);
  int code = jk_error_status(error) == JK_ERROR_CANCELLED ? 3 : 1;

  fprintf(stderr, "up: %.*s\n", (int)message.len, (const char *)message.data);
  if (hint.len > 0)
    fprintf(stderr, "    %.*s\n", (int)hint.len, (const char *)hint.data);
  jk_error_free(error);
  return code;
}

/* Anything but 0 calls the plan off. */
static int32_t tell(void *user, const jk_progress *progress) {
  const uint64_t *most = (const uint64_t *)user;

  if (progress->kind != JK_PROGRESS_STEP)
    return 0;
  if (*most != 0 && progress->done > *most)
    return 1;
  printf("%2u/%u %.*s\n", (unsigned)progress->done, (unsigned)progress->total, (int)progress->text.len,
         (const char *)progress->text.data);
  return 0;
}

static int list(const jk_host *host) {
  const jk_bytes params[] = {jk_str("jid"), jk_str("name"), jk_str("ip4.addr"), jk_str("path")};
  jk_jails *jails = NULL;
  jk_error *error = NULL;

  if (jk_jails_list(host, params, 4, false, &jails, &error) != JK_OK)
    return fail(error);
  for (size_t jail = 0; jail < jk_jails_len(jails); jail++) {
    for (size_t param = 0; param < 4; param++) {
      jk_bytes value = jk_jails_get(jails, jail, param);
      printf("%.*s%c", (int)value.len, (const char *)value.data, param == 3 ? '\n' : ' ');
    }
  }
  jk_jails_free(jails);
  return 0;
}

int main(int argc, char **argv) {
  jk_stack *stack = NULL;
  jk_host *host = NULL;
  jk_session *session = NULL;
  jk_plan *plan = NULL;
  jk_error *error = NULL;
  uint64_t most = 0;
  int code = 0;

  if (argc != 3 && argc != 4) {
    fprintf(stderr, "usage: %s jailkit.toml host [steps]\n", argv[0]);
    return 2;
  }
  if (argc == 4)
    most = strtoull(argv[3], NULL, 10);
  if (jk_stack_read(jk_str(argv[1]), &stack, NULL, &error) != JK_OK ||
      jk_host_simulated(jk_str(argv[2]), &host, &error) != JK_OK ||
      jk_session_open(host, jk_str("up"), false, &session, &error) != JK_OK ||
      jk_session_plan_up(session, stack, &plan, &error) != JK_OK ||
      jk_session_apply(session, plan, tell, &most, &error) != JK_OK)
    code = fail(error);
  else
    code = list(host);
  jk_plan_free(plan);
  jk_session_free(session);
  jk_host_free(host);
  jk_stack_free(stack);
  return code;
}
