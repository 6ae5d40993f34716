/*
 * A stand-in for the exchange, as lean as can be, so that what is measured is whoever speaks to it: notes the instant
 * at which the first bytes of each order request arrive, and answers. An order is told by its quoteOrderQty.
 *
 *     exchange [MS]       its clock is MS ahead of the machine's. Prints its port; a line on standard input prints
 *                         "AMOUNT MONOTONIC EXCHANGE" for each order, both in ns, the second by its clock, then "end"
 */
#define _GNU_SOURCE
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 500000, READY = 256 };

static struct { char amount[24]; long long at_ns, by_own_clock_ns; } orders[MOST];
static int count;
static long long ahead_ns;

static const char RULES[] =
    "{\"symbols\":[{\"symbol\":\"BTCUSDT\",\"status\":\"1\",\"baseAsset\":\"BTC\",\"baseAssetPrecision\":8,"
    "\"quoteAsset\":\"USDT\",\"quotePrecision\":2,\"quoteAssetPrecision\":8,\"orderTypes\":[\"LIMIT\",\"MARKET\"],"
    "\"isSpotTradingAllowed\":true,\"quoteAmountPrecision\":\"1\",\"baseSizePrecision\":\"0\","
    "\"quoteAmountPrecisionMarket\":\"1\",\"tradeSideType\":1},"
    "{\"symbol\":\"ETHUSDT\",\"status\":\"1\",\"baseAsset\":\"ETH\",\"baseAssetPrecision\":8,"
    "\"quoteAsset\":\"USDT\",\"quotePrecision\":2,\"quoteAssetPrecision\":8,\"orderTypes\":[\"LIMIT\",\"MARKET\"],"
    "\"isSpotTradingAllowed\":true,\"quoteAmountPrecision\":\"1\",\"baseSizePrecision\":\"0\","
    "\"quoteAmountPrecisionMarket\":\"1\",\"tradeSideType\":1}]}";
static const char PLACED[] =
    "{\"symbol\":\"BTCUSDT\",\"orderId\":\"C02__342252993005723644225\",\"orderListId\":-1,\"price\":\"11\","
    "\"origQty\":\"1\",\"type\":\"MARKET\",\"side\":\"BUY\",\"transactTime\":1644489390087}";
static const char SEEN[] =
    "{\"symbol\":\"BTCUSDT\",\"orderId\":\"C02__342252993005723644225\",\"clientOrderId\":\"%s\",\"status\":\"FILLED\","
    "\"executedQty\":\"1\",\"cummulativeQuoteQty\":\"11\"}";

static long long now_ns(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void answer(int fd, char *request, long long at_ns, long long by_own_clock_ns) {
    char body[1024], reply[2048], id[40] = "x";
    if (!strncmp(request, "POST /api/v3/order?", 19)) {
        char *amount = strstr(request, "quoteOrderQty=");
        if (amount && count < MOST) {
            sscanf(amount + 14, "%23[^& ]", orders[count].amount);
            orders[count].at_ns = at_ns;
            orders[count++].by_own_clock_ns = by_own_clock_ns;
        }
        strcpy(body, PLACED);
    } else if (strstr(request, "GET /api/v3/time")) {
        sprintf(body, "{\"serverTime\":%lld}", (now_ns(CLOCK_REALTIME) + ahead_ns) / 1000000);
    } else if (strstr(request, "GET /api/v3/ping")) {
        strcpy(body, "{}");
    } else if (strstr(request, "GET /api/v3/account")) {
        strcpy(body, "{\"balances\":[]}");
    } else if (strstr(request, "exchangeInfo")) {
        strcpy(body, RULES);
    } else {
        char *asked = strstr(request, "origClientOrderId=");
        if (asked) sscanf(asked + 18, "%39[^& ]", id);
        sprintf(body, SEEN, id);
    }
    int length = sprintf(reply, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                         strlen(body), body);
    if (write(fd, reply, length) < 0) close(fd);
}

static void report(void) {
    for (int i = 0; i < count; i++) printf("%s %lld %lld\n", orders[i].amount, orders[i].at_ns, orders[i].by_own_clock_ns);
    puts("end");
    fflush(stdout);
    count = 0;
}

int main(int argc, char **argv) {
    static char request[65536];
    ahead_ns = argc > 1 ? atoll(argv[1]) * 1000000 : 0;
    int listener = socket(AF_INET, SOCK_STREAM, 0), poll = epoll_create1(0), on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    if (bind(listener, (struct sockaddr *)&address, size) || listen(listener, 4096)) return 1;
    getsockname(listener, (struct sockaddr *)&address, &size);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, ready[READY];
    epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
    event.data.fd = STDIN_FILENO;
    epoll_ctl(poll, EPOLL_CTL_ADD, STDIN_FILENO, &event);
    for (;;) {
        int number = epoll_wait(poll, ready, READY, -1);
        for (int i = 0; i < number; i++) {
            int fd = ready[i].data.fd;
            if (fd == listener) {
                event.data.fd = accept(listener, NULL, NULL);
                setsockopt(event.data.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
                epoll_ctl(poll, EPOLL_CTL_ADD, event.data.fd, &event);
                continue;
            }
            ssize_t got = read(fd, request, sizeof request - 1);
            long long at_ns = now_ns(CLOCK_MONOTONIC), by_own_clock_ns = now_ns(CLOCK_REALTIME) + ahead_ns;
            if (fd == STDIN_FILENO) {
                if (got <= 0) return 0;
                report();
            } else if (got <= 0) {
                close(fd);
            } else {
                request[got] = 0;
                answer(fd, request, at_ns, by_own_clock_ns);
            }
        }
    }
}
