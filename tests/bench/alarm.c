/*
 * The floor of an armed order: sleep until the instant, write requests that were built before to connections that are
 * open. It is given the exchange's offset.
 *
 *     alarm PORT MS           the exchange's clock is MS ahead. A line on standard input, "INSTANT FIRST COUNT", is so
 *                             many orders of the amounts from FIRST on, for an instant in ms by the exchange's clock
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 20 };

static int connect_to(int port) {
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd, (struct sockaddr *)&address, sizeof address)) {
        perror("connect");
        exit(1);
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

int main(int argc, char **argv) {
    static char requests[MOST][1024], answer[65536], line[256];
    int wires[MOST], lengths[MOST], first, count;
    long long instant_ms;
    if (argc != 3) return 2;
    for (int i = 0; i < MOST; i++) wires[i] = connect_to(atoi(argv[1]));
    puts("ready");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin) && sscanf(line, "%lld %d %d", &instant_ms, &first, &count) == 3) {
        for (int i = 0; i < count; i++)
            lengths[i] = sprintf(
                requests[i],
                "POST /api/v3/order?symbol=BTCUSDT&side=BUY&type=MARKET&quoteOrderQty=%d&newClientOrderId=0&"
                "recvWindow=2000&timestamp=%lld&"
                "signature=fd3e4e8543c5188531eb7279d68ae7d26a573d0fc5ab0d18eb692451654d837a HTTP/1.1\r\n"
                "Host: 127.0.0.1\r\nX-MEXC-APIKEY: mx0\r\nContent-Type: application/json\r\nContent-Length: 0\r\n\r\n",
                first + i, instant_ms);
        long long local_ms = instant_ms - atoll(argv[2]);
        struct timespec until = {.tv_sec = local_ms / 1000, .tv_nsec = local_ms % 1000 * 1000000};
        while (clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &until, NULL))
            ;
        for (int i = 0; i < count; i++)
            if (write(wires[i], requests[i], lengths[i]) < 0) return 1;
        for (int i = 0; i < count; i++)
            if (read(wires[i], answer, sizeof answer) <= 0) return 1;
    }
}
