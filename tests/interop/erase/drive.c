/*
 * A drive of the tests' own: preloaded below the real hdparm, nvme, mmc and sg3-utils, it answers their ioctls as the
 * standards say (ACS-4 for SG_IO with ATA PASS-THROUGH (16), SPC-4 and SBC-4 for other SG_IO, the NVM Express base
 * specification 2.0 for the admin commands, JESD84-B51 for MMC_IOC_CMD). Everything else goes to the kernel.
 *
 * DRIVE names a folder: `identify` (512 bytes, ATA), `controller` (4096 bytes, NVMe), `ext_csd` (512 bytes, eMMC), and
 * `state`, lines of `name number` that the tests write before and read after. Names: sanitize (0 never, 1 done,
 * 2 running, 3 failed), looks (until it is done), frozen, lies (says it erased and does not), fails (every erase),
 * ses and action (of the last Format and Sanitize), erased (how often). For SCSI also: offers, a bit for each service
 * action of SANITIZE (1 overwrite, 2 block erase, 3 cryptographic erase); for ATA: dco (a device configuration overlay
 * hides the end), stuck (host protected area and overlay stay), kept (the overlay alone),
 * native (sectors that the overlay leaves), mute (it tells of neither);
 * for NVMe: hangs, sprog (its progress while it runs) and sstat (more bits of its status when it is done).
 * Erasing writes zeros over the whole file that DRIVE_DISK names.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <linux/mmc/ioctl.h>
#include <linux/nvme_ioctl.h>
#include <scsi/sg.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

struct entry { char name[32]; long value; };
static struct entry entries[32];
static int count;

static void place(char *path, const char *name) { snprintf(path, 512, "%s/%s", getenv("DRIVE"), name); }

static void load(void)
{
    char path[512];
    FILE *file;
    count = 0;
    place(path, "state");
    if (!(file = fopen(path, "r")))
        return;
    while (count < 32 && fscanf(file, "%31s %ld", entries[count].name, &entries[count].value) == 2)
        count++;
    fclose(file);
}

static long get(const char *name)
{
    for (int i = 0; i < count; i++)
        if (!strcmp(entries[i].name, name))
            return entries[i].value;
    return 0;
}

static void put(const char *name, long value)
{
    char path[512];
    FILE *file;
    int i;
    for (i = 0; i < count && strcmp(entries[i].name, name); i++)
        ;
    if (i == count && count < 32)
        strcpy(entries[count++].name, name);
    entries[i].value = value;
    place(path, "state");
    if (!(file = fopen(path, "w")))
        abort();
    for (i = 0; i < count; i++)
        fprintf(file, "%s %ld\n", entries[i].name, entries[i].value);
    fclose(file);
}

static size_t part(const char *name, void *into, size_t size, int writing)
{
    char path[512];
    FILE *file;
    size_t done;
    place(path, name);
    if (!(file = fopen(path, writing ? "r+" : "r")))
        return 0;
    done = writing ? fwrite(into, 1, size, file) : fread(into, 1, size, file);
    fclose(file);
    return done;
}

static int erase(void)
{
    static char zeros[1 << 16];
    struct stat status;
    int fd;
    if (get("fails"))
        return -1;
    put("erased", get("erased") + 1);
    if (get("lies"))
        return 0;
    fd = open(getenv("DRIVE_DISK"), O_WRONLY);
    if (fd < 0 || fstat(fd, &status))
        abort();
    for (off_t at = 0; at < status.st_size; at += sizeof zeros)
        if (pwrite(fd, zeros, status.st_size - at < (off_t)sizeof zeros ? status.st_size - at : (off_t)sizeof zeros, at) < 0)
            abort();
    close(fd);
    return 0;
}

/* One look at a sanitize that runs: it is over after as many as `looks` says. */
static long look(void)
{
    if (get("sanitize") != 2 || get("hangs"))
        return get("sanitize");
    if (get("looks") > 0) {
        put("looks", get("looks") - 1);
        return 2;
    }
    put("sanitize", erase() ? 3 : 1);
    return get("sanitize");
}

/* -- ATA ---------------------------------------------------------------------------------------- */

static void registers(struct sg_io_hdr *io, int error, int status, unsigned number, unsigned long lba)
{
    unsigned char *sense = io->sbp;
    if (!sense || io->mx_sb_len < 22)
        return;
    memset(sense, 0, 22);
    sense[0] = 0x72;
    sense[1] = 0x01;
    sense[3] = 0x1d;
    sense[7] = 14;
    sense[8] = 0x09;
    sense[9] = 12;
    sense[10] = 1;
    sense[11] = error;
    sense[12] = number >> 8;
    sense[13] = number;
    sense[15] = lba;
    sense[14] = lba >> 24;
    sense[17] = lba >> 8;
    sense[19] = lba >> 16;
    sense[21] = status;
    io->sb_len_wr = 22;
    io->status = 2;
    io->driver_status = 8;
    io->info = 1;
}

static void security(unsigned word)
{
    unsigned char identify[512];
    part("identify", identify, 512, 0);
    identify[256] = word;
    part("identify", identify, 512, 1);
}

static int sanitize_ata(struct sg_io_hdr *io, unsigned feature)
{
    unsigned flags = 0;
    if (feature != 0 && feature != 0x20 && feature != 0x40) {
        if (get("frozen") || get("fails") == 2) {
            registers(io, 4, 0x51, get("frozen") ? 0x2000 : 0, 3);
            return 0;
        }
        put("action", feature);
        put("sanitize", 2);
    }
    switch (look()) {
    case 1: flags |= 0x8000; break;
    case 2: flags |= 0x4000; break;
    case 3: registers(io, 4, 0x51, 0, 1); return 0;
    }
    if (get("frozen"))
        flags |= 0x2000;
    registers(io, 0, 0x50, flags, get("sanitize") == 2 ? 0x8000 : 0xffff);
    return 0;
}

static int scsi(struct sg_io_hdr *io);
static int opened;
static int (*real)(int, unsigned long, ...);

static unsigned long real_sectors(void)
{
    struct stat status;
    if (stat(getenv("DRIVE_DISK"), &status))
        abort();
    return status.st_size / 512;
}

/* What READ NATIVE MAX ADDRESS tells: an overlay that is not lifted takes sectors away from it, too. */
static unsigned long native_sectors(void)
{
    unsigned char identify[512];
    if (!get("dco") || get("restored"))
        return real_sectors();
    if (get("native"))
        return get("native");
    part("identify", identify, 512, 0);
    return identify[120] | identify[121] << 8 | identify[122] << 16 | (unsigned long)identify[123] << 24;
}

/* DEVICE CONFIGURATION IDENTIFY (ACS-2, 7.9.3): revision 2, maximum LBA in words 3 to 6, signature A5h and checksum. */
static void overlay(unsigned char *data)
{
    unsigned long last = real_sectors() - 1;
    unsigned char sum = 0;
    memset(data, 0, 512);
    data[0] = 2;
    for (int i = 0; i < 8; i++)
        data[6 + i] = last >> 8 * i;
    data[510] = 0xa5;
    for (int i = 0; i < 511; i++)
        sum += data[i];
    data[511] = -sum;
}

/* SET MAX ADDRESS: the host protected area is gone, for the kernel too (the loop device's limit moves). Drives with
 * 48-bit addresses tell their size in words 100 to 103 as well. */
static void uncover(unsigned char *identify)
{
    struct loop_info64 info;
    unsigned long count = native_sectors();
    for (int i = 0; i < 4; i++)
        identify[120 + i] = count >> 8 * i;
    if (identify[167] & 4)
        for (int i = 0; i < 8; i++)
            identify[200 + i] = count >> 8 * i;
    part("identify", identify, 512, 1);
    if (real(opened, LOOP_GET_STATUS64, &info))
        abort();
    info.lo_sizelimit = count * 512;
    if (real(opened, LOOP_SET_STATUS64, &info))
        abort();
}

static int ata(struct sg_io_hdr *io)
{
    unsigned char *cdb = io->cmdp, identify[512];
    unsigned feature = cdb[3] << 8 | cdb[4];
    if (cdb[0] != 0x85)
        return scsi(io);
    if (io->cmd_len < 16)
        return errno = EINVAL, -1;
    io->status = io->host_status = io->driver_status = io->resid = io->info = io->sb_len_wr = 0;
    part("identify", identify, 512, 0);
    switch (cdb[14]) {
    case 0xec: /* IDENTIFY DEVICE */
        memcpy(io->dxferp, identify, io->dxfer_len < 512 ? io->dxfer_len : 512);
        registers(io, 0, 0x50, 0, 0);
        return 0;
    case 0x78: /* ACCESSIBLE MAX ADDRESS (ACS-3, 7.2): 0 gets the native one, 1 sets it */
        if (!(identify[239] & 1))
            break;
        if (feature == 1 && get("stuck"))
            break;
        if (feature == 1) {
            put("uncovered", 1);
            uncover(identify);
        }
        registers(io, 0, 0x50, 0, native_sectors() - 1);
        return 0;
    case 0xf8: /* READ NATIVE MAX ADDRESS (ATA/ATAPI-7; dropped in ACS-3, and still what drives of laptops know) */
    case 0x27: /* the same with 48 bits */
        if (get("mute") || (cdb[14] == 0x27 && !(identify[167] & 4)))
            break;
        registers(io, 0, 0x50, 0, native_sectors() - 1);
        return 0;
    case 0xf9: /* SET MAX ADDRESS */
    case 0x37: /* the same with 48 bits */
        if (get("stuck") || (cdb[14] == 0x37 && !(identify[167] & 4)))
            break;
        put("uncovered", 1);
        uncover(identify);
        registers(io, 0, 0x50, 0, native_sectors() - 1);
        return 0;
    case 0xb1: /* DEVICE CONFIGURATION (ACS-2; dropped in ACS-3): C2h identify, C0h restore */
        if (!get("dco") || get("mute"))
            break;
        if ((feature & 0xff) == 0xc2) {
            unsigned char data[512];
            overlay(data);
            memcpy(io->dxferp, data, io->dxfer_len < 512 ? io->dxfer_len : 512);
        } else if ((feature & 0xff) == 0xc0 && !get("stuck") && !get("kept")) {
            put("restored", 1);
            uncover(identify);
        } else
            break;
        registers(io, 0, 0x50, 0, 0);
        return 0;
    case 0xb4: /* SANITIZE DEVICE */
        return sanitize_ata(io, feature);
    case 0xf1: /* SECURITY SET PASSWORD */
        put("passwords", get("passwords") + 1);
        security(identify[256] | 2);
        registers(io, 0, 0x50, 0, 0);
        return 0;
    case 0xf2: /* SECURITY UNLOCK */
        security(identify[256] & ~4);
        registers(io, 0, 0x50, 0, 0);
        return 0;
    case 0xf3: /* SECURITY ERASE PREPARE */
        registers(io, 0, 0x50, 0, 0);
        return 0;
    case 0xf4: /* SECURITY ERASE UNIT */
        if (erase()) {
            registers(io, 4, 0x51, 0, 0);
            return 0;
        }
        security(identify[256] & ~6);
        registers(io, 0, 0x50, 0, 0);
        return 0;
    case 0xf6: /* SECURITY DISABLE PASSWORD */
        put("disabled", get("disabled") + 1);
        security(identify[256] & ~6);
        registers(io, 0, 0x50, 0, 0);
        return 0;
    }
    registers(io, 4, 0x51, 0, 0); /* aborted: not supported */
    return 0;
}

/* -- SCSI --------------------------------------------------------------------------------------- */

/* Fixed format sense data (SPC-4, 4.5.3); `progress` is a 16-bit share where there is one, else -1. */
static void fixed_sense(unsigned char *sense, int key, int asc, int ascq, long progress)
{
    memset(sense, 0, 18);
    sense[0] = 0x70;
    sense[2] = key;
    sense[7] = 10;
    sense[12] = asc;
    sense[13] = ascq;
    if (progress >= 0) {
        sense[15] = 0x80;
        sense[16] = progress >> 8;
        sense[17] = progress;
    }
}

static int check_condition(struct sg_io_hdr *io, int key, int asc, int ascq)
{
    if (io->sbp && io->mx_sb_len >= 18) {
        fixed_sense(io->sbp, key, asc, ascq, -1);
        io->sb_len_wr = 18;
    }
    io->status = 2;
    io->driver_status = 8;
    io->info = 1;
    return 0;
}

static void answer(struct sg_io_hdr *io, const void *data, unsigned length)
{
    unsigned count = length < io->dxfer_len ? length : io->dxfer_len;
    memcpy(io->dxferp, data, count);
    io->resid = io->dxfer_len - count;
}

/* One command with its service action (SPC-4, 6.35.3): supported as the standard says, or not at all. */
static int supported(struct sg_io_hdr *io, unsigned char *cdb)
{
    unsigned char page[4 + 10] = {0};
    int able = cdb[3] == 0x48 && get("offers") >> cdb[5] & 1;
    page[1] = able ? 3 : 1;
    page[3] = able ? 10 : 0;
    page[4] = 0x48;
    page[5] = 0xff;
    answer(io, page, able ? sizeof page : 4);
    return 0;
}

static int sense_now(struct sg_io_hdr *io)
{
    unsigned char sense[18];
    switch (look()) {
    case 2: fixed_sense(sense, 2, 0x04, 0x1b, 0x8000); break; /* LOGICAL UNIT NOT READY, SANITIZE IN PROGRESS */
    case 3: fixed_sense(sense, 3, 0x31, 0x03, -1); break;     /* SANITIZE COMMAND FAILED */
    default: fixed_sense(sense, 0, 0, 0, -1);
    }
    answer(io, sense, sizeof sense);
    return 0;
}

static int scsi(struct sg_io_hdr *io)
{
    static const unsigned char inquiry[36] = "\0\0\6\2\037\0\0\0TESTS   SAS DRIVE       0001";
    unsigned char *cdb = io->cmdp;
    io->status = io->host_status = io->driver_status = io->resid = io->info = io->sb_len_wr = 0;
    switch (cdb[0]) {
    case 0x12: /* INQUIRY; no pages of vital product data */
        if (cdb[1] & 1)
            return check_condition(io, 5, 0x24, 0);
        answer(io, inquiry, sizeof inquiry);
        return 0;
    case 0x00: /* TEST UNIT READY */
        return look() == 2 ? check_condition(io, 2, 0x04, 0x1b) : 0;
    case 0x03: /* REQUEST SENSE */
        return sense_now(io);
    case 0xa3: /* MAINTENANCE IN: REPORT SUPPORTED OPERATION CODES */
        return (cdb[1] & 0x1f) == 0x0c ? supported(io, cdb) : check_condition(io, 5, 0x20, 0);
    case 0x48: /* SANITIZE (SBC-4, 5.30) */
        if (get("refuses") || !(get("offers") >> (cdb[1] & 0x1f) & 1))
            return check_condition(io, 5, 0x24, 0);
        put("action", cdb[1] & 0x1f);
        put("immediate", cdb[1] >> 7);
        put("sanitize", 2);
        return 0;
    }
    return check_condition(io, 5, 0x20, 0); /* INVALID COMMAND OPERATION CODE */
}

/* -- NVMe --------------------------------------------------------------------------------------- */

static int nvme(struct nvme_passthru_cmd *command)
{
    unsigned char page[512] = {0}, *data = (unsigned char *)(unsigned long)command->addr;
    long state;
    command->result = 0;
    switch (command->opcode) {
    case 0x06: /* Identify */
        memset(data, 0, command->data_len);
        if ((command->cdw10 & 0xff) == 1)
            part("controller", data, command->data_len < 4096 ? command->data_len : 4096, 0);
        else if ((command->cdw10 & 0xff) == 0)
            data[130] = 9; /* one format, sectors of 512 bytes */
        return 0;
    case 0x02: /* Get Log Page */
        memset(data, 0, command->data_len);
        if ((command->cdw10 & 0xff) != 0x81)
            return 0x4109;
        state = look();
        page[0] = page[1] = state == 2 ? 0x7f : 0xff;
        if (state == 2 && get("sprog")) {
            page[0] = get("sprog");
            page[1] = get("sprog") >> 8;
        }
        page[2] = state;
        if (state == 1)
            page[3] = get("sstat") >> 8;
        page[4] = get("action");
        memset(page + 8, 0xff, 24);
        memcpy(data, page, command->data_len < 512 ? command->data_len : 512);
        return 0;
    case 0x84: /* Sanitize */
        if (get("refuses"))
            return 0x2002; /* Invalid Field in Command */
        if (get("deaf"))
            return 0;
        put("action", command->cdw10 & 7);
        put("sanitize", 2);
        return 0;
    case 0x80: /* Format NVM */
        put("ses", command->cdw10 >> 9 & 7);
        if (get("refuses"))
            return 0x2001; /* Invalid Command Opcode */
        return erase() ? 0x4006 : 0;
    }
    return 0x2001;
}

/* -- eMMC --------------------------------------------------------------------------------------- */

static int mmc(struct mmc_ioc_cmd *command)
{
    command->response[0] = 0x900;
    switch (command->opcode) {
    case 8: /* SEND_EXT_CSD */
        part("ext_csd", (void *)(unsigned long)command->data_ptr, 512, 0);
        return 0;
    case 13: /* SEND_STATUS */
        command->response[0] = get("fails") ? 0x80900 : 0x900;
        return 0;
    case 6: /* SWITCH */
        put("switched", command->arg >> 16 & 0xff);
        if ((command->arg >> 16 & 0xff) == 165) /* SANITIZE_START */
            return erase(), 0;
        return 0;
    }
    return errno = EIO, -1;
}

int ioctl(int fd, unsigned long request, ...)
{
    va_list rest;
    void *argument;
    va_start(rest, request);
    argument = va_arg(rest, void *);
    va_end(rest);
    if (!real)
        real = dlsym(RTLD_NEXT, "ioctl");
    if (getenv("DRIVE")) {
        load();
        opened = fd;
        switch (request) {
        case SG_IO: return ata(argument);
        case NVME_IOCTL_ADMIN_CMD: return nvme(argument);
        case NVME_IOCTL_ID: return 1;
        case MMC_IOC_CMD: return mmc(argument);
        }
    }
    return real(fd, request, argument);
}
