/* Many callers at once, and how long each waits between a key and the next prompt, measured on the wire.
 *
 *   caller PORT EXTEN [-n calls at once] [-r new calls a second] [-s seconds] [-m calls in all] [-k keys] [-g gap ms] [-t] [-f user]
 *
 * A caller dials EXTEN at 127.0.0.1:PORT and listens. When the line has been without RTP for the gap, the prompt is over and it presses a
 * key (RFC 4733, 100 ms): the keys of -k in turn, the last one for ever; without -k it only listens. The clock runs from just before the
 * first packet that ends the digit is sent, to the kernel's receive time of the first audio packet after it. -t sends audio at 50 packets
 * a second all the time, as people's phones do. When the other side hangs up, a new call takes the place, until the seconds or the calls
 * are over; then everybody hangs up and one line of JSON is printed. It talks to loopback only.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { FREE, INVITED, TALKING, LEAVING };
enum { PCMA = 8, EVENT = 101, FRAME = 160, SLOTS = 20, MAX_CALLS = 2000, MAX_SAMPLES = 1 << 20 };
static const double FRAME_S = 0.020, RETRANSMIT_S = 0.5, LOST_S = 5.0, GOODBYE_S = 3.0;

struct call {
    int fd, port, state, generation, keys_pressed, phase, waiting;
    struct sockaddr_in media;
    char remote[256], target[256];
    double invited, sent_last, tick, heard_last, released, left_at;
    uint16_t sequence;
    uint32_t timestamp, event_began;
    long heard;
};

struct samples { double *v; long n; };

static struct call calls[MAX_CALLS];
static struct sockaddr_in server;
static int sip, sip_port, at_once = 1, with_media;
static unsigned run_id;  /* Asterisk remembers transactions for half a minute: those of the run before must not be ours */
static long max_calls = -1, created, answered, failed, finished, digits, lost, now_talking, most_talking;
static double rate = 10, seconds = 10, gap = 0.25;
static const char *exten, *keys = "", *user = "09";
static struct samples key_times, setup_times;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);  /* the kernel stamps packets with this clock */
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void keep(struct samples *s, double value) {
    if (s->n < MAX_SAMPLES) s->v[s->n++] = value;
}

static void die(const char *what) {
    fprintf(stderr, "caller: %s: %s\n", what, strerror(errno));
    exit(2);
}

static int bound_socket(int *port) {
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), on = 1, size = 4 << 20;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof a;
    if (fd < 0 || bind(fd, (void *)&a, sizeof a)) die("socket");
    setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    getsockname(fd, (void *)&a, &length);
    *port = ntohs(a.sin_port);
    return fd;
}

/* --- SIP ------------------------------------------------------------------------------------------------------- */

static void send_sip(const char *text, int length) {
    if (sendto(sip, text, (size_t)length, 0, (void *)&server, sizeof server) < 0 && errno != EAGAIN) failed++;
}

static int start_line(struct call *c, char *out, size_t size, const char *method, int cseq, const char *to, const char *uri) {
    int slot = (int)(c - calls);
    return snprintf(out, size,
        "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:%d;branch=z9hG4bK%x-%d-%d-%d%s\r\nFrom: <sip:%s%08d@127.0.0.1>;tag=t%d-%d\r\n"
        "To: %s\r\nCall-ID: %d-%d-%d\r\nCSeq: %d %s\r\nContact: <sip:%s%08d@127.0.0.1:%d>\r\nMax-Forwards: 70\r\n",
        method, uri, sip_port, run_id, slot, c->generation, cseq, method, user, slot, slot, c->generation,
        to, slot, c->generation, sip_port, cseq, method, user, slot, sip_port);
}

static void invite(struct call *c) {
    char sdp[512], text[2048], uri[128], to[160];
    int body = snprintf(sdp, sizeof sdp,
        "v=0\r\no=c 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio %d RTP/AVP %d %d\r\na=rtpmap:%d PCMA/8000\r\n"
        "a=rtpmap:%d telephone-event/8000\r\na=fmtp:%d 0-15\r\na=ptime:20\r\n", c->port, PCMA, EVENT, PCMA, EVENT, EVENT);
    snprintf(uri, sizeof uri, "sip:%s@127.0.0.1:%d", exten, ntohs(server.sin_port));
    snprintf(to, sizeof to, "<%s>", uri);
    int length = start_line(c, text, sizeof text, "INVITE", 1, to, uri);
    length += snprintf(text + length, sizeof text - (size_t)length, "Content-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s", body, sdp);
    c->sent_last = now();
    send_sip(text, length);
}

static void in_dialog(struct call *c, const char *method, int cseq) {
    char text[2048];
    int length = start_line(c, text, sizeof text, method, cseq, c->remote, c->target);
    length += snprintf(text + length, sizeof text - (size_t)length, "Content-Length: 0\r\n\r\n");
    c->sent_last = now();
    send_sip(text, length);
}

/* The value of a header at the beginning of a line, without its end. */
static int header(const char *message, const char *name, char *out, size_t size) {
    char wanted[64];
    snprintf(wanted, sizeof wanted, "\r\n%s: ", name);
    const char *at = strcasestr(message, wanted);
    if (!at) return 0;
    at += strlen(wanted);
    size_t length = strcspn(at, "\r\n");
    if (length >= size) length = size - 1;
    memcpy(out, at, length);
    out[length] = 0;
    return 1;
}

static struct call *call_of(const char *message) {
    char id[128];
    int slot, generation, port;
    if (!header(message, "Call-ID", id, sizeof id) || sscanf(id, "%d-%d-%d", &slot, &generation, &port) != 3) return NULL;
    if (slot < 0 || slot >= at_once || port != sip_port || calls[slot].generation != generation) return NULL;
    return &calls[slot];
}

static void begin_talking(struct call *c, const char *message, double at) {
    char contact[256];
    const char *media = strstr(message, "m=audio ");
    if (header(message, "Contact", contact, sizeof contact)) sscanf(contact, "<%255[^>]", c->target);
    c->media = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    c->media.sin_port = htons((uint16_t)(media ? atoi(media + 8) : 0));
    c->state = TALKING;
    c->heard = 0;
    c->heard_last = 0;
    c->tick = at + (double)((c - calls) % SLOTS) / 1000;  /* callers do not all speak in the same millisecond */
    answered++;
    if (++now_talking > most_talking) most_talking = now_talking;
    keep(&setup_times, at - c->invited);
}

static void end(struct call *c) {
    if (c->state == TALKING) now_talking--;
    if (c->state == TALKING || c->state == LEAVING) finished++;
    c->state = FREE;
}

static void on_response(struct call *c, const char *message, double at) {
    int code = atoi(message + 8);
    char cseq[64] = "";
    header(message, "CSeq", cseq, sizeof cseq);
    if (strstr(cseq, "BYE")) {
        if (c->state == LEAVING) end(c);
        return;
    }
    if (!strstr(cseq, "INVITE")) return;
    if (code < 200) {
        c->sent_last = at + 3600;  /* it has arrived: no more repeating */
        return;
    }
    header(message, "To", c->remote, sizeof c->remote);
    if (c->state == INVITED && code < 300) begin_talking(c, message, at);
    in_dialog(c, "ACK", 1);
    if (c->state == INVITED) {
        failed++;
        c->state = FREE;
    }
}

static void on_request(struct call *c, const char *message) {
    static const char *echoed[] = {"Via", "From", "To", "Call-ID", "CSeq"};
    char text[2048], value[512];
    if (!strncmp(message, "ACK", 3)) return;
    int length = snprintf(text, sizeof text, "SIP/2.0 200 OK\r\n");
    for (size_t i = 0; i < sizeof echoed / sizeof *echoed; i++)
        if (header(message, echoed[i], value, sizeof value))
            length += snprintf(text + length, sizeof text - (size_t)length, "%s: %s\r\n", echoed[i], value);
    length += snprintf(text + length, sizeof text - (size_t)length, "Content-Length: 0\r\n\r\n");
    send_sip(text, length);
    if (c && !strncmp(message, "BYE", 3) && c->state != FREE) end(c);
}

static void read_sip(void) {
    char message[8192];
    ssize_t length;
    while ((length = recv(sip, message, sizeof message - 1, 0)) > 0) {
        message[length] = 0;
        struct call *c = call_of(message);
        if (strncmp(message, "SIP/2.0 ", 8)) on_request(c, message);
        else if (c && c->state != FREE) on_response(c, message, now());
    }
}

/* --- RTP ------------------------------------------------------------------------------------------------------- */

static void send_rtp(struct call *c, int kind, int marker, uint32_t timestamp, const void *payload, size_t length) {
    unsigned char packet[12 + FRAME] = {0x80, (unsigned char)(kind | (marker ? 0x80 : 0))};
    uint16_t sequence = htons(c->sequence++);
    uint32_t stamp = htonl(timestamp), source = htonl((uint32_t)(c - calls) + 1);
    memcpy(packet + 2, &sequence, 2);
    memcpy(packet + 4, &stamp, 4);
    memcpy(packet + 8, &source, 4);
    memcpy(packet + 12, payload, length);
    sendto(c->fd, packet, 12 + length, 0, (void *)&c->media, sizeof c->media);
}

static unsigned char code_of(char key) {
    return key == '*' ? 10 : key == '#' ? 11 : (unsigned char)(key - '0');
}

static char next_key(const struct call *c) {
    size_t known = strlen(keys), at = (size_t)c->keys_pressed;
    return keys[at < known ? at : known - 1];
}

/* One packet of a digit every frame; the sixth ends it, and goes out three times at once (RFC 4733 2.5.1.4). */
static void press(struct call *c) {
    unsigned duration = (unsigned)c->phase * FRAME;
    unsigned char event[4] = {code_of(next_key(c)), 10, (unsigned char)(duration >> 8), (unsigned char)duration};
    if (c->phase < 6) {
        send_rtp(c, EVENT, c->phase == 1, c->event_began, event, 4);
        c->phase++;
        return;
    }
    event[1] |= 0x80;
    c->released = now();
    for (int i = 0; i < 3; i++) send_rtp(c, EVENT, 0, c->event_began, event, 4);
    c->waiting = 1;
    c->phase = 0;
    c->keys_pressed++;
    digits++;
}

static void tick(struct call *c, double at) {
    static unsigned char silence[FRAME];
    memset(silence, 0xD5, FRAME);
    if (c->waiting && at - c->released > LOST_S) {
        c->waiting = 0;
        c->heard_last = at;
        lost++;
    }
    if (!c->phase && !c->waiting && *keys && c->heard > 5 && at - c->heard_last > gap) {
        c->phase = 1;
        c->event_began = c->timestamp;
    }
    if (c->phase) press(c);
    else if (with_media) send_rtp(c, PCMA, 0, c->timestamp, silence, FRAME);
    c->timestamp += FRAME;
}

static double received_at(struct msghdr *m) {
    for (struct cmsghdr *h = CMSG_FIRSTHDR(m); h; h = CMSG_NXTHDR(m, h))
        if (h->cmsg_type == SO_TIMESTAMPNS) {
            struct timespec t;
            memcpy(&t, CMSG_DATA(h), sizeof t);
            return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
        }
    return now();
}

static void read_rtp(struct call *c) {
    unsigned char packet[2048];
    char control[128];
    struct iovec data = {packet, sizeof packet};
    for (;;) {
        struct msghdr m = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
        ssize_t length = recvmsg(c->fd, &m, 0);
        if (length < 0 && (errno == EAGAIN || errno == ECONNREFUSED)) return;
        if (length < 12 || (packet[1] & 0x7f) != PCMA || c->state != TALKING) continue;
        double at = received_at(&m);
        if (c->waiting && at > c->released) {
            keep(&key_times, at - c->released);
            c->waiting = 0;
        }
        c->heard++;
        c->heard_last = at;
    }
}

/* --- the run --------------------------------------------------------------------------------------------------- */

static void place_call(double at) {
    for (int i = 0; i < at_once; i++)
        if (calls[i].state == FREE) {
            struct call *c = &calls[i];
            c->state = INVITED;
            c->generation++;
            c->keys_pressed = c->phase = c->waiting = 0;
            c->sequence = (uint16_t)random();
            c->timestamp = (uint32_t)random();
            c->invited = at;
            created++;
            invite(c);
            return;
        }
}

static void leave_all(double at) {
    for (int i = 0; i < at_once; i++) {
        struct call *c = &calls[i];
        if (c->state == TALKING) {
            now_talking--;
            c->state = LEAVING;
            c->left_at = at;
            in_dialog(c, "BYE", 2);
        } else if (c->state == INVITED) {
            c->state = FREE;
            failed++;
        }
    }
}

static int anybody_left(void) {
    for (int i = 0; i < at_once; i++)
        if (calls[i].state == LEAVING) return 1;
    return 0;
}

static double serve_all(double at) {
    double next = at + FRAME_S;
    for (int i = 0; i < at_once; i++) {
        struct call *c = &calls[i];
        if ((c->state == INVITED || c->state == LEAVING) && at - c->sent_last > RETRANSMIT_S) {
            if (c->state == INVITED) invite(c);
            else in_dialog(c, "BYE", 2);
        }
        if (c->state != TALKING) continue;
        if (at - c->tick > 0.2) c->tick = at;  /* held up: go on from here instead of catching up */
        for (; c->tick <= at; c->tick += FRAME_S) tick(c, at);
        if (c->tick < next) next = c->tick;
    }
    return next;
}

static void run(int epoll) {
    struct epoll_event ready[256];
    double began = now(), over = began + seconds, next_call = began, closing = 0;
    for (;;) {
        double at = now();
        int enough = at > over || (max_calls >= 0 && created >= max_calls && finished + failed >= max_calls);
        if (!closing && enough) {
            closing = at;
            leave_all(at);
        }
        if (closing && (!anybody_left() || at - closing > GOODBYE_S)) return;
        if (!closing && at >= next_call && (max_calls < 0 || created < max_calls)) {
            place_call(at);
            next_call = next_call + 1 / rate > at - 1 ? next_call + 1 / rate : at;
        }
        double next = serve_all(at);
        if (!closing && next_call < next) next = next_call;
        int wait = (int)((next - now()) * 1000 + 0.999);
        int n = epoll_wait(epoll, ready, 256, wait < 0 ? 0 : wait > 20 ? 20 : wait);
        for (int i = 0; i < n; i++)
            if (ready[i].data.u32 == MAX_CALLS) read_sip();
            else read_rtp(&calls[ready[i].data.u32]);
    }
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void print_times(const char *name, struct samples *s) {
    static const double shares[] = {0.5, 0.9, 0.99};
    qsort(s->v, (size_t)s->n, sizeof *s->v, ascending);
    printf(", \"%s\": {\"n\": %ld", name, s->n);
    for (int i = 0; i < 3 && s->n; i++)
        printf(", \"p%d\": %.2f", (int)(shares[i] * 100), s->v[(long)((double)(s->n - 1) * shares[i] + 0.5)] * 1e3);
    if (s->n) printf(", \"max\": %.2f", s->v[s->n - 1] * 1e3);
    printf("}");
}

static void options(int count, char **words) {
    for (int letter; (letter = getopt(count, words, "n:r:s:m:k:g:f:t")) != -1;) switch (letter) {
        case 'n': at_once = atoi(optarg); break;
        case 'r': rate = atof(optarg); break;
        case 's': seconds = atof(optarg); break;
        case 'm': max_calls = atol(optarg); break;
        case 'k': keys = optarg; break;
        case 'g': gap = atof(optarg) / 1000; break;
        case 'f': user = optarg; break;
        case 't': with_media = 1; break;
        default: exit(2);
        }
    if (count - optind != 2 || at_once < 1 || at_once > MAX_CALLS || rate <= 0 || seconds <= 0 || seconds > 600 ||
        strspn(keys, "0123456789*#") != strlen(keys)) {
        fprintf(stderr, "usage: caller [options] PORT EXTEN; see the head of caller.c\n");
        exit(2);
    }
    server = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    server.sin_port = htons((uint16_t)atoi(words[optind]));
    exten = words[optind + 1];
}

int main(int count, char **words) {
    options(count, words);
    run_id = (unsigned)getpid() ^ (unsigned)time(NULL);
    srandom(run_id);
    key_times.v = malloc(MAX_SAMPLES * sizeof(double));
    setup_times.v = malloc(MAX_SAMPLES * sizeof(double));
    int epoll = epoll_create1(0);
    if (!key_times.v || !setup_times.v || epoll < 0) die("start");
    sip = bound_socket(&sip_port);
    struct epoll_event interest = {.events = EPOLLIN, .data.u32 = MAX_CALLS};
    epoll_ctl(epoll, EPOLL_CTL_ADD, sip, &interest);
    for (int i = 0; i < at_once; i++) {
        calls[i].fd = bound_socket(&calls[i].port);
        interest.data.u32 = (uint32_t)i;
        epoll_ctl(epoll, EPOLL_CTL_ADD, calls[i].fd, &interest);
    }
    double began = now();
    run(epoll);
    printf("{\"calls\": %ld, \"answered\": %ld, \"failed\": %ld, \"finished\": %ld, \"most_at_once\": %ld, \"digits\": %ld, \"lost\": %ld, "
           "\"seconds\": %.2f", created, answered, failed, finished, most_talking, digits, lost, now() - began);
    print_times("key_to_prompt_ms", &key_times);
    print_times("setup_ms", &setup_times);
    printf("}\n");
    return 0;
}
