/*
 * Says which rules of a pf.conf(5) a packet meets, and what becomes of it and of the reply.
 *
 *   cc -o trace trace.c $(pkg-config --cflags --libs jailkit)
 *   ./trace /etc/pf.conf igb0=203.0.113.10/24 198.51.100.9:50000 203.0.113.10:80
 */
#include <jailkit.h>
#include <stdio.h>
#include <string.h>

static int fail(jk_error *error) {
  jk_bytes file = jk_error_file(error), message = jk_error_message(error);

  if (file.len > 0)
    fprintf(stderr, "%.*s:%zu:%zu: ", (int)file.len, (const char *)file.data, jk_error_line(error),
            jk_error_column(error));
  fprintf(stderr, "%.*s\n", (int)message.len, (const char *)message.data);
  jk_error_free(error);
  return 1;
}

static void show(const jk_trace *trace) {
  static const char *const verdicts[] = {"no verdict", "pass", "block", "undecided"};

  for (size_t i = 0; i < jk_trace_len(trace); i++) {
    jk_trace_step step = jk_trace_get(trace, i);
    if (step.line != 0)
      printf("  line %zu: %.*s\n", step.line, (int)step.rule.len, (const char *)step.rule.data);
    printf("    %.*s\n", (int)step.told.len, (const char *)step.told.data);
  }
  printf("  %s\n", verdicts[jk_trace_verdict(trace)]);
}

int main(int argc, char **argv) {
  jk_pf *rules = NULL;
  jk_interfaces *interfaces = NULL;
  jk_ruleset *ruleset = NULL;
  jk_tracer *tracer = NULL;
  jk_trace *trace = NULL, *reply = NULL;
  jk_error *error = NULL;
  int code = 0;

  if (argc != 5) {
    fprintf(stderr, "usage: %s pf.conf interface=address/bits from to\n", argv[0]);
    return 2;
  }
  jk_packet packet = {
      .direction = JK_IN,
      .interface = {(const uint8_t *)argv[2], strcspn(argv[2], "=")},
      .protocol = jk_str("tcp"),
      .from = jk_str(argv[3]),
      .to = jk_str(argv[4]),
  };
  if (jk_pf_read(jk_str(argv[1]), &rules, &error) != JK_OK ||
      jk_interfaces_new(&interfaces, &error) != JK_OK ||
      jk_interfaces_add(interfaces, jk_str(argv[2]), &error) != JK_OK ||
      jk_pf_expand(rules, interfaces, true, &ruleset, &error) != JK_OK ||
      jk_tracer_new(ruleset, &tracer, &error) != JK_OK ||
      jk_tracer_trace(tracer, packet, &trace, &error) != JK_OK) {
    code = fail(error);
  } else {
    printf("the packet:\n");
    show(trace);
    if (jk_tracer_track(tracer, trace, NULL) == JK_OK && jk_tracer_reply(tracer, trace, &reply, NULL) == JK_OK) {
      printf("its reply:\n");
      show(reply);
    }
  }
  /* To free NULL is fine, and the order does not matter. */
  jk_pf_free(rules);
  jk_interfaces_free(interfaces);
  jk_ruleset_free(ruleset);
  jk_tracer_free(tracer);
  jk_trace_free(trace);
  jk_trace_free(reply);
  return code;
}
