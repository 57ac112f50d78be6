/*
 * Prints the jails of a jail.conf(5) as jls(8) would list them, variables replaced.
 *
 *   cc -o resolve resolve.c $(pkg-config --cflags --libs jailkit)
 *   ./resolve /etc/jail.conf
 */
#include <jailkit.h>
#include <stdio.h>

/* The status as an exit code, with what went wrong on standard error. */
static int fail(jk_error *error) {
  const jk_findings *findings = jk_error_findings(error);
  jk_bytes message = jk_error_message(error);

  for (size_t i = 0; i < jk_findings_len(findings); i++) {
    jk_finding found = jk_findings_get(findings, i);
    fprintf(stderr, "%.*s:%zu:%zu: %s: %.*s\n", (int)found.file.len, (const char *)found.file.data, found.line,
            found.column, found.is_error ? "error" : "warning", (int)found.message.len,
            (const char *)found.message.data);
  }
  if (jk_findings_len(findings) == 0)
    fprintf(stderr, "resolve: %.*s\n", (int)message.len, (const char *)message.data);
  jk_error_free(error);
  return 1;
}

/* A column of the table, cut where it is too long; "-" where there is nothing. */
static void column(jk_bytes text, int width) {
  if (text.len == 0)
    text = jk_str("-");
  int len = text.len < (size_t)width ? (int)text.len : width;
  printf("%-*.*s ", width, len, (const char *)text.data);
}

int main(int argc, char **argv) {
  jk_jailconf *conf = NULL;
  jk_resolved *jails = NULL;
  jk_error *error = NULL;
  int code = 0;

  if (argc != 2) {
    fprintf(stderr, "usage: %s jail.conf\n", argv[0]);
    return 2;
  }
  if (jk_jailconf_read(jk_str(argv[1]), &conf, &error) != JK_OK)
    return fail(error);
  if (jk_jailconf_resolve(conf, &jails, &error) != JK_OK) {
    jk_jailconf_free(conf);
    return fail(error);
  }
  printf("%-15s %-15s %-29s %s\n", "Name", "IP Address", "Hostname", "Path");
  for (size_t jail = 0; jail < jk_resolved_len(jails); jail++) {
    jk_finding failed = jk_resolved_failed(jails, jail);
    jk_bytes path = jk_resolved_get(jails, jail, jk_str("path"));

    column(jk_resolved_name(jails, jail), 15);
    column(jk_resolved_get(jails, jail, jk_str("ip4.addr")), 15);
    column(jk_resolved_get(jails, jail, jk_str("host.hostname")), 29);
    printf("%.*s\n", (int)path.len, (const char *)path.data);
    if (failed.line != 0) {
      fprintf(stderr, "line %zu: %.*s\n", failed.line, (int)failed.message.len, (const char *)failed.message.data);
      code = 1;
    }
  }
  jk_resolved_free(jails);
  jk_jailconf_free(conf);
  return code;
}
