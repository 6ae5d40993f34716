/*
 * The physical floor of signal → wire: read the signal from a Unix socket, append it to a file, fdatasync, write a
 * ready-made request to a kept-alive TCP connection. No parsing, no signature, no decision.
 *
 *     floor SOCKET FILE PORT
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { FILE_BLOCKS = 256, BLOCK = 65536 };

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static int listen_at(const char *path) {
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    unlink(path);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, 16)) fail("listen");
    return fd;
}

static int connect_to(int port) {
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd, (struct sockaddr *)&address, sizeof address)) fail("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

/* A file that has its size already: a commit that extends one costs more, and no daemon need pay that. */
static int grown_file(const char *path) {
    static char zeros[BLOCK];
    int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
    if (fd < 0) fail("open");
    for (int block = 0; block < FILE_BLOCKS; block++)
        if (write(fd, zeros, sizeof zeros) < 0) fail("write");
    fsync(fd);
    lseek(fd, 0, SEEK_SET);
    return fd;
}

int main(int argc, char **argv) {
    static char signal[BLOCK], request[4096], answer[BLOCK];
    static const char done[] = "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";
    if (argc != 4) return 2;
    int listener = listen_at(argv[1]), file = grown_file(argv[2]), wire = connect_to(atoi(argv[3]));
    puts("ready");
    fflush(stdout);
    for (;;) {
        int client = accept(listener, NULL, NULL);
        for (ssize_t size; (size = read(client, signal, sizeof signal)) > 0;) {
            char *amount = memmem(signal, size, "quoteOrderQty\":\"", 16);
            int length = sprintf(
                request,
                "POST /api/v3/order?symbol=BTCUSDT&side=BUY&type=MARKET&quoteOrderQty=%.*s&newClientOrderId=0&"
                "recvWindow=2000&timestamp=1644489390087&"
                "signature=fd3e4e8543c5188531eb7279d68ae7d26a573d0fc5ab0d18eb692451654d837a HTTP/1.1\r\n"
                "Host: 127.0.0.1\r\nX-MEXC-APIKEY: mx0\r\nContent-Type: application/json\r\nContent-Length: 0\r\n\r\n",
                amount ? (int)strcspn(amount + 16, "\"") : 1, amount ? amount + 16 : "0");
            if (write(file, signal, size) < 0 || fdatasync(file)) fail("commit");
            if (write(wire, request, length) < 0 || read(wire, answer, sizeof answer) <= 0) fail("wire");
            if (write(client, done, sizeof done - 1) < 0) break;
        }
        close(client);
    }
}
