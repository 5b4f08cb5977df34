// Memory that lives as long as an engine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>

namespace sampan {

// Aligned working memory that grows and never shrinks. Its content is lost when it grows.
template <class T>
class Buffer {
 public:
  void reserve(std::int64_t count) {
    if (count <= capacity_) return;
    data_.reset();  // before the new one is made: the peak is the larger of both, not their sum
    data_.reset(static_cast<T*>(::operator new(static_cast<std::size_t>(count) * sizeof(T), kAlignment)));
    capacity_ = count;
  }
  T* data() const { return data_.get(); }
  T* at(std::int64_t index) const { return data_.get() + index; }

 private:
  static constexpr std::align_val_t kAlignment{64};
  struct Free {
    void operator()(T* data) const { ::operator delete(data, kAlignment); }
  };
  std::unique_ptr<T, Free> data_;
  std::int64_t capacity_ = 0;
};

// Zeroed pages from the operating system, which gives them when they are first touched; in huge pages where it can.
class Memory {
 public:
  Memory() = default;
  explicit Memory(std::size_t size);  // throws std::bad_alloc
  ~Memory();
  Memory(Memory&& other) noexcept;
  Memory& operator=(Memory&& other) noexcept;

  std::byte* data() const { return data_; }

 private:
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace sampan
