/* What iperf3 does not measure, for a server that sends back every byte:
 *   load requests HOST PORT SECONDS      bytes there and back on one connection, one after the other
 *   load connections HOST PORT SECONDS   connections that carry one byte there and back
 *   load echo PORT                       is such a server
 * Prints how many there were in a second. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static void no_delay(int connection)
{
    int one = 1;
    setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

static int connect_to(const struct sockaddr_in *server)
{
    int connection = socket(AF_INET, SOCK_STREAM, 0);
    struct timeval patience = { .tv_sec = 5 };
    setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (connection < 0 || connect(connection, (const struct sockaddr *)server, sizeof *server) < 0)
        fail("connect");
    no_delay(connection);
    return connection;
}

static void there_and_back(int connection)
{
    char byte = 'x';
    if (write(connection, &byte, 1) != 1 || read(connection, &byte, 1) != 1)
        fail("echo");
}

static void serve(int port)
{
    struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(port) };
    int one = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&any, sizeof any) < 0 || listen(listener, 64) < 0)
        fail("listen");
    for (;;) {
        char byte;
        int connection = accept(listener, NULL, NULL);
        no_delay(connection);
        while (read(connection, &byte, 1) == 1 && write(connection, &byte, 1) == 1)
            ;
        close(connection);
    }
}

int main(int count, char **words)
{
    if (count == 3 && strcmp(words[1], "echo") == 0)
        serve(atoi(words[2]));
    if (count != 5)
        return 2;
    struct sockaddr_in server = { .sin_family = AF_INET, .sin_port = htons(atoi(words[3])) };
    inet_pton(AF_INET, words[2], &server.sin_addr);
    double start = now(), end = start + atof(words[4]);
    long done = 0;
    if (strcmp(words[1], "requests") == 0) {
        int connection = connect_to(&server);
        for (; now() < end; done++)
            there_and_back(connection);
    } else {
        struct linger reset = { .l_onoff = 1 }; /* none in TIME-WAIT: a guest has 28,000 ports */
        for (; now() < end; done++) {
            int connection = connect_to(&server);
            there_and_back(connection);
            setsockopt(connection, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
            close(connection);
        }
    }
    printf("%.1f\n", done / (now() - start));
    return 0;
}
