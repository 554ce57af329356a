#![allow(clippy::all, missing_docs)]
use nc::*;
fn main(){
    let a:Vec<String>=std::env::args().collect();
    let b=std::fs::read(&a[1]).unwrap();
    let e=b.iter().position(|c|*c==b'\n').unwrap();
    let h=std::str::from_utf8(&b[..e]).unwrap();
    let (mut w,mut ht)=(0usize,0usize);
    for t in h.split(' '){ if let Some(v)=t.strip_prefix('W'){w=v.parse().unwrap_or(w)} if let Some(v)=t.strip_prefix('H'){ht=v.parse().unwrap_or(ht)}}
    let n=w*ht*3/2; let mut at=e+1; let mut f:Vec<u16>=vec![]; let mut k=0;
    while at+6+n<=b.len(){ at+=6; f.extend(b[at..at+n].iter().map(|v|*v as u16)); at+=n; k+=1;}
    let format=VideoFormat{width:w as u32,height:ht as u32,rate:[24,1],chroma:Chroma::C420,bits:8,rgb:false};
    let mut p=|p:Progress<'_>|{ if !p.note.contains("before") {eprintln!("{} {}/{:?} {}",p.task,p.done,p.total,p.note)} };
    let mut ctl=Control{progress:Some(&mut p),effort:match a[3].as_str(){"fast"=>Effort::Fast,"slow"=>Effort::Slow,_=>Effort::Medium},..Control::default()};
    let t0=std::time::Instant::now();
    let mut out=vec![];
    nc_nerv::Nerv.encode(Signal::Video(Video{format,samples:&f}),&ChunkHead{format:Format::Video(format),first:0,units:k},Goal::Bytes(a[2].parse().unwrap()),&mut ctl,&mut out).unwrap();
    println!("{} bytes {:.0} s",out.len(),t0.elapsed().as_secs_f64());
}
