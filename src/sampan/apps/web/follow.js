// Keeps the end of a growing page in view, until its reader scrolls away from it.

const NEAR = 48; // pixels from the end that still count as the end

export class Follow {
  constructor(scroller, onChange) {
    this.scroller = scroller;
    this.isFollowing = true;
    this.top = 0;
    scroller.addEventListener(
      "scroll",
      () => {
        const { scrollTop } = scroller;
        // Growing text never moves the page up; its reader does.
        if (scrollTop < this.top - 1 && !this.isAtEnd()) this.isFollowing = false;
        else if (this.isAtEnd()) this.isFollowing = true;
        this.top = scrollTop;
        onChange(this.isFollowing);
      },
      { passive: true },
    );
    // What becomes taller without a message's doing (an unfolded thought, a window turned) does not count as leaving.
    new ResizeObserver(() => this.keep()).observe(scroller);
  }

  isAtEnd() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    return scrollHeight - scrollTop - clientHeight <= NEAR;
  }

  /** After the page has grown. */
  keep() {
    if (this.isFollowing) this.jump();
  }

  jump() {
    this.isFollowing = true;
    this.scroller.scrollTop = this.scroller.scrollHeight;
    this.top = this.scroller.scrollTop;
  }
}
