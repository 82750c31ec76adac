/*
 * A module that breaks the kernel which loads it, each time in the way that act= names: Debian's
 * kernels have neither LKDTM nor another way to do this without one.
 */
#include <linux/delay.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/timer.h>

static char *act = "oops";
module_param(act, charp, 0);

static void dereference_null(void)
{
    *(volatile int *)NULL = 1;
}

/* A timer runs in interrupt context, where no task can be ended in the kernel's place. */
static void on_timer(struct timer_list *timer)
{
    dereference_null();
}

static DEFINE_TIMER(timer, on_timer);

static int spin(void *unused)
{
    preempt_disable();
    for (;;)
        cpu_relax();
    return 0;
}

static int hang(void *unused)
{
    set_current_state(TASK_UNINTERRUPTIBLE);
    schedule();
    return 0;
}

static int __init crash(void)
{
    if (strcmp(act, "oops") == 0)
        dereference_null();
    else if (strcmp(act, "oops-in-interrupt") == 0)
        /* Not at once: what it interrupts shall not be the very sending of a message, which keeps
         * the network card to itself, so that nothing of the panic gets out. */
        mod_timer(&timer, jiffies + HZ);
    else if (strcmp(act, "warn") == 0)
        WARN(1, "a warning that was asked for");
    else if (strcmp(act, "spin") == 0)
        kthread_run(spin, NULL, "spinning");
    else if (strcmp(act, "hang") == 0)
        kthread_run(hang, NULL, "hanging");
    else
        return -EINVAL;
    return 0;
}

module_init(crash);
MODULE_DESCRIPTION("Breaks the kernel that loads it");
MODULE_LICENSE("GPL");
